package commands

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// missingFiles are command lines with one file that does not exist: none.ndjson or none.
var missingFiles = []struct{ options, args string }{
	{"scan targets", "scan --dry-run none.txt"},
	{"scan targets", "scan --dry-run ./none"},
	{"scan targets", "scan --dry-run no/none.txt"},
	{"scan --from-results", "scan --dry-run --from-results none.ndjson"},
	{"scan --exclude", "scan --dry-run 45.16.0.1 --exclude none.txt"},
	{"scan --probes", "scan --dry-run --probes none.csv"},
	{"scan --resume", "scan 45.16.0.1 --resume none -o out"},
	{"scan --checkpoint", "scan 45.16.0.1 --checkpoint no/none -o out"},
	{"scan --output", "scan 45.0.0.1 -o no/none"},
	{"scan --replies", "scan 45.0.0.1 -o out1 --replies no/none"},
	{"scan --meta", "scan 45.0.0.1 -o out2 --meta no/none"},
	{"scan --status", "scan 45.0.0.1 -o out3 --status no/none"},
	{"scan --pcap", "scan 45.0.0.1 --pcap no/none"},
	{"trace --hosts", "trace --hosts none.txt"},
	{"replay file", "replay none.pcap"},
	{"replay --output", "replay there.pcap -o no/none"},
	{"replay --replies", "replay there.pcap -o out11 --replies no/none"},
	{"replay --meta", "replay there.pcap -o out4 --meta no/none"},
	{"show file", "show none.ndjson"},
	{"show target", "show there.ndjson none.ndjson"},
	{"merge file", "merge there.ndjson none.ndjson"},
	{"merge --output", "merge there.ndjson -o no/none"},
	{"merge --replies", "merge there.ndjson -o out5 --replies no/none"},
	{"merge --meta", "merge there.ndjson -o out6 --meta no/none"},
	{"convert file", "convert none.ndjson out7"},
	{"convert --output", "convert there.ndjson -o no/none"},
	{"report file", "report none.ndjson -o out10"},
	{"report --output", "report there.ndjson -o no/none"},
	{"compare old", "compare none.ndjson there.ndjson"},
	{"compare new", "compare there.ndjson none.ndjson"},
	{"compare --output", "compare there.ndjson there.ndjson -o no/none"},
	{"graph file", "graph none.ndjson"},
	{"graph --output", "graph there.ndjson -o no/none"},
	{"plot file", "plot none.ndjson"},
	{"plot --output", "plot there.ndjson -o no/none"},
	{"query file", "query none.ndjson --ask links"},
	{"query --output", "query there.ndjson --ask links -o no/none"},
	{"annotate file", "annotate none.ndjson out8 --annotate there.names"},
	{"annotate --output", "annotate there.ndjson -o no/none --annotate there.names"},
	{"annotate --annotate", "annotate there.ndjson out9 --annotate none.mmdb"},
	{"annotate --asn", "annotate there.ndjson out9 --asn none.mmdb"},
	{"annotate --geo", "annotate there.ndjson out9 --geo none.mmdb"},
	{"annotate --ixp", "annotate there.ndjson out9 --ixp none.json"},
	{"annotate --names", "annotate --text --names none.txt"},
	{"scan --annotate", "scan --dry-run 45.16.0.1 --annotate none.mmdb"},
	{"trace --dot", "trace --multipath --dot no/none 45.16.0.1"},
	{"trace --annotate", "trace --annotate none.mmdb 45.16.0.1"},
	{"watch --annotate", "watch --annotate none.mmdb 45.16.0.1"},
	{"follow targets", "follow none.txt -o out12"},
	{"follow --exclude", "follow 45.16.0.1 --exclude none.txt -o out13"},
	{"follow --output", "follow 45.16.0.1 -o no/none"},
	{"follow --status", "follow 45.16.0.1 -o out14 --status no/none"},
	{"follow --state", "follow 45.16.0.1 -o out15 --state no/none"},
	{"watch --record", "watch --record no/none 45.16.0.1"},
	{"watch --replay", "watch --replay none.json"},
	{"verify results", "verify none.ndjson --log there.log"},
	{"verify --log", "verify there.ndjson --log none.log"},
	{"verify --counters", "verify there.ndjson --log there.log --counters none.json"},
	{"verify --targets", "verify there.ndjson --log there.log --targets none.txt"},
	{"verify --exclude", "verify there.ndjson --log there.log --targets there.txt --exclude none.txt"},
	{"hub --output", "hub add-agent tokyo --store hub -o no/none"},
	{"hub --nats-creds", "hub --store hub --nats nats://127.0.0.1:9 --nats-creds none"},
	{"hub --nats-system", "hub --store hub --nats nats://127.0.0.1:9 --nats-system none"},
	{"hub --nats-ca", "hub --store hub --nats tls://127.0.0.1:9 --nats-ca none"},
	{"agent --creds", "agent --creds none"},
	{"agent --policy", "agent --creds there.creds --policy none.txt"},
	{"submit targets", "submit none.txt --creds there.creds --name monday"},
	{"submit --from-results", "submit --from-results none.ndjson --creds there.creds --name monday"},
	{"submit --exclude", "submit 45.16.0.1 --exclude none.txt --creds there.creds --name monday"},
	{"submit --assign", "submit --mode assigned --assign none.txt --creds there.creds --name monday"},
	{"submit --creds", "submit 45.16.0.1 --creds none --name monday"},
	{"jobs --creds", "jobs --creds none"},
	{"cancel --creds", "cancel monday --creds none"},
	{"fetch --creds", "fetch monday --creds none -o out12"},
	{"fetch --output", "fetch monday --creds there.creds -o no/none"},
	{"lab --log", "lab --log no/none -- true"},
	{"lab --counters", "lab --counters no/none -- true"},
}

// A file that is missing is a matter of the environment, for each option and argument that names
// files. The error names the file.
func TestMissingFiles(t *testing.T) {
	lab.Need(t, routers.Name)
	checkAllFileOptions(t)
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"there.txt": "45.16.0.1\n", "there.log": "", "there.pcap": pcapHead(), "there.names": "192.0.2.1 a\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	do(t, program+" scan 45.16.0.1 --max-ttl 1 --wait 100ms -q -o there.ndjson")
	do(t, program+" hub add-agent paris --store hub -o there.creds")
	for _, tt := range missingFiles {
		cmd := exec.CommandContext(t.Context(), program, strings.Fields(tt.args)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		_ = cmd.Run() // the status is looked at
		text, status := stderr.String(), cmd.ProcessState.ExitCode()
		if status != statusEnvironment || !strings.Contains(text, "none") && !strings.Contains(text, "no:") || !strings.Contains(text, "no such file") {
			t.Errorf("masstrace %s: status %d, %s", tt.args, status, text)
		}
	}
}

// checkAllFileOptions checks that missingFiles has each option and argument that names files.
func checkAllFileOptions(t *testing.T) {
	t.Helper()
	tested := map[string]bool{}
	for _, tt := range missingFiles {
		tested[tt.options] = true
	}
	for _, node := range nodes(t) {
		for _, o := range fileOptions(node) {
			if !tested[node.Name+" "+o.name] {
				t.Errorf("%s %s is not in missingFiles: add a command line whose only fault is a missing file there", node.Name, o.name)
			}
		}
	}
}
