// Command query measures masstrace query over results that are larger than its memory: the time
// and the memory of every question that has a name.
//
// The command makes up traces, and writes them as Parquet and as NDJSON. A limit of the system
// holds each process to 2 GB of memory (RLIMIT_DATA). DuckDB may use a part of it, and writes the
// rest to temporary files. NDJSON is asked a few of the questions, because it is slow: its answers
// must be those of Parquet. Nothing is sent.
//
//	go run ./bench/query [-hops N] [-memory SIZE] [-limit OCTETS] [-dir FOLDER] [-o FILE]
//
// It needs bin/masstrace, and DuckDB: the program duckdb, or the Node module that scripts/tools
// installs in out/tools. 10,000,000 hops need 12 GB in the temporary folder.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/query"
	"github.com/masstrace/masstrace/internal/tabular"
)

func main() {
	var c config
	flag.IntVar(&c.hops, "hops", 10_000_000, "rows of hops")
	flag.StringVar(&c.memory, "memory", "1200MB", "memory of DuckDB, --memory of the command")
	flag.Int64Var(&c.limit, "limit", 2_000_000_000, "limit on the memory of each process, in octets")
	flag.StringVar(&c.program, "program", "bin/masstrace", "masstrace")
	flag.StringVar(&c.modules, "modules", "out/tools/node_modules", "folder of DuckDB's Node module, used if the program duckdb is not installed")
	flag.StringVar(&c.shim, "shim", "scripts/duckdb", "program that uses the module")
	out := flag.String("o", "", "keep the table in this file")
	flag.StringVar(&c.dir, "dir", "", "folder that keeps the files, or has them from an earlier run; default: a temporary one")
	flag.BoolVar(&c.only, "make", false, "only write the files, to the folder of -dir")
	flag.Parse()
	bench.Exit("query", run(&c, *out))
}

// config has the size of the measurement, and the paths of its programs.
type config struct {
	hops                   int
	memory                 string
	limit                  int64
	program, modules, shim string
	dir                    string
	only                   bool
}

// lined are the questions that NDJSON is asked: of traces, of hops, and of pairs of hops.
var lined = []string{"reasons", "rtt", "links"}

func run(c *config, out string) error {
	if c.only {
		return makeFiles(c.dir, c.hops)
	}
	dir, err := os.MkdirTemp("", "masstrace-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	env, engine, err := c.engine(dir)
	if err != nil {
		return err
	}
	if c.dir == "" {
		c.dir = dir
	}
	files, err := c.files()
	if err != nil {
		return err
	}
	var asked []*asking
	for _, q := range query.Questions {
		a := &asking{name: q.Name}
		for i, f := range files.ways() {
			if i > 0 && !slices.Contains(lined, q.Name) {
				continue
			}
			fmt.Fprintf(os.Stderr, "asking: %s, of %s\n", q.Name, f.name)
			if err := a.ask(c, env, dir, f); err != nil {
				return fmt.Errorf("%s of %s: %w", q.Name, f.name, err)
			}
			u := a.used[len(a.used)-1]
			fmt.Fprintf(os.Stderr, "%.1f s, CPU %.1f s, %.0f MB\n", u.elapsed, u.cpu, u.octets/1e6)
		}
		if err := a.check(); err != nil {
			return err
		}
		asked = append(asked, a)
	}
	body := fmt.Sprintf("%d hops of %d traces: Parquet (tables hops and traces, %.1f GB) and NDJSON (%.1f GB). Each process has at most\n"+
		"%.1f GB of memory, by a limit of the system on its data, and `--memory` of %s. Engine: %s, %d threads.\n"+
		"Memory is the largest resident set of a process, with the pages of its program. CPU is user and system time.\n"+
		"NDJSON is asked some of the questions, and gave the same rows. The imagined paths have random links: %d different ones, many more than\n"+
		"a real scan of this size.\n\n%s",
		files.Hops, files.Traces, float64(size(files.Parquet))/1e9, float64(size(files.Lines))/1e9,
		float64(c.limit)/1e9, c.memory, engine, runtime.NumCPU(), files.Links, table(asked))
	fmt.Print(body)
	if out == "" {
		return nil
	}
	return bench.Keep(out, bench.Query, body)
}

// engine finds DuckDB, and returns the environment in which it is on the path.
func (c *config) engine(dir string) (env []string, name string, err error) {
	if path, err := exec.LookPath("duckdb"); err == nil {
		version, err := exec.Command(path, "--version").Output()
		return os.Environ(), "the program duckdb " + string(version), err
	}
	modules, err := filepath.Abs(c.modules)
	if err != nil {
		return nil, "", err
	}
	version, err := exec.Command("node", "-p", "require('"+filepath.Join(modules, "@duckdb/node-api/package.json")+"').version").Output()
	if err != nil {
		return nil, "", fmt.Errorf("neither duckdb nor its Node module in %s is installed (scripts/tools out/tools duckdb): %w", c.modules, err)
	}
	shim, err := filepath.Abs(c.shim)
	if err != nil {
		return nil, "", err
	}
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		return nil, "", err
	}
	if err := os.Symlink(shim, filepath.Join(bin, "duckdb")); err != nil {
		return nil, "", err
	}
	return append(os.Environ(), "NODE_PATH="+modules, "PATH="+bin+":"+os.Getenv("PATH")), "DuckDB's Node module " + trim(version), nil
}

func table(asked []*asking) string {
	t := tabular.Table{Columns: "lr", Head: []string{"question", "rows", "Parquet s", "CPU s", "MB", "NDJSON s", "CPU s", "MB"}}
	for _, a := range asked {
		cells := []string{a.name, tabular.Number(float64(a.rows()))}
		for _, u := range a.used {
			cells = append(cells, tabular.Number(u.elapsed), tabular.Number(u.cpu), tabular.Number(u.octets/1e6))
		}
		if len(a.used) == 1 {
			cells = append(cells, "", "", "")
		}
		t.Add(cells...)
	}
	return t.Markdown()
}
