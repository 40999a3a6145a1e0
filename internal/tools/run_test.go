//go:build tools

package tools

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// duckdb and chdb print the rows of a query.
const (
	duckdb = `const {DuckDBInstance} = require('@duckdb/node-api');
(async () => {
  const c = await (await DuckDBInstance.create(':memory:')).connect();
  const rows = (await c.runAndReadAll(process.argv[1])).getRowsJson();
  for (const row of rows) console.log(row.join(' '));
})().catch(e => { console.error(e.message); process.exit(1); });`
	chdb = `console.log(String(require('chdb').query(process.argv[1].trim().replace(/;$/, ''), 'TSV')));`
)

// run runs the example in the folder of the results, and returns its output.
func (e *example) run(t *testing.T, dir string) string {
	t.Helper()
	modules, err := filepath.Abs(filepath.Join(installed, "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"NODE_PATH=" + modules}
	switch e.tool {
	case "duckdb":
		return in(t, dir, env, "node", "-e", duckdb, e.code)
	case "chdb":
		return in(t, dir, env, "node", "-e", chdb, e.code)
	case "polars": // its threads spin while they wait, which costs minutes on a busy machine
		return in(t, dir, append(env, "POLARS_MAX_THREADS=1"), "node", "-e", e.code)
	case "pandas": // Debian's
		return in(t, dir, nil, "/usr/bin/python3", "-c", e.code)
	case "clickhouse":
		env = []string{"PATH=" + clickhouse(t) + ":" + os.Getenv("PATH")}
		return in(t, dir, env, "bash", "-euo", "pipefail", "-c", e.code)
	case "R": // Debian's
		return in(t, dir, nil, "Rscript", "-e", e.code)
	case "jq", "sh":
		bin, err := filepath.Abs("../../bin")
		if err != nil {
			t.Fatal(err)
		}
		return in(t, dir, []string{"PATH=" + bin + ":" + os.Getenv("PATH")}, "bash", "-euo", "pipefail", "-c", e.code)
	}
	t.Fatalf("no way to run %s", e.tool)
	return ""
}

const serverConfig = `<yandex>
<logger><level>warning</level><log>%[1]s/log</log><errorlog>%[1]s/errors</errorlog></logger>
<listen_host>127.0.0.1</listen_host><tcp_port>%[2]d</tcp_port>
<path>%[1]s/data/</path><tmp_path>%[1]s/tmp/</tmp_path><mark_cache_size>5368709120</mark_cache_size>
<users_config>%[1]s/users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database>
</yandex>`

const serverUsers = `<yandex><profiles><default/></profiles><quotas><default/></quotas><users><default>
<password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
</default></users></yandex>`

// clickhouse starts a server for the test, and returns a folder with a clickhouse-client that
// connects to it.
func clickhouse(t *testing.T) (bin string) {
	t.Helper()
	dir := t.TempDir()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	put := func(name, text string, perm os.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), perm); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"data", "tmp", "bin"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	put("config.xml", fmt.Sprintf(serverConfig, dir, port), 0o600)
	put("users.xml", serverUsers, 0o600)
	put("bin/clickhouse-client", fmt.Sprintf("#!/bin/sh\nexec /usr/bin/clickhouse-client --host 127.0.0.1 --port %d \"$@\"\n", port), 0o700)
	server := exec.Command(filepath.Join(installed, "clickhouse/usr/sbin/clickhouse-server"), "--config-file="+dir+"/config.xml")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	address := fmt.Sprintf("127.0.0.1:%d", port)
	for deadline := time.Now().Add(longest); ; {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			conn.Close()
			return filepath.Join(dir, "bin")
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(dir, "errors"))
			t.Fatalf("the server does not listen: %v\n%s", err, log)
		}
		time.Sleep(100 * time.Millisecond) // no event of the other process to wait for
	}
}
