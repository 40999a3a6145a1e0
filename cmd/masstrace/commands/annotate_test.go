package commands

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// knownNets are the origins of the golden results, as CAIDA's pfx2as has them.
const knownNets = "203.0.113.0\t24\t64500\n198.51.100.0\t24\t64501_64502\n215.68.64.0\t23\t64496\n45.0.0.0\t8\t64503\n"

// Databases are those of the command, else those of the environment, else those of the folder.
func TestDatabaseFiles(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"b", "a", ".hidden"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "c"), 0o700); err != nil {
		t.Fatal(err)
	}
	found := fmt.Sprint([]string{filepath.Join(folder, "a"), filepath.Join(folder, "b")})
	for _, tt := range []struct {
		named  []string
		env    string // "-" is not set
		folder string
		want   string
	}{
		{[]string{"x", "y"}, "z", folder, "[x y]"}, {[]string{"none"}, "z", folder, "[]"}, {nil, "z:y", folder, "[z y]"}, {nil, "", folder, "[]"},
		{nil, "none", folder, "[]"}, {nil, "-", folder, found}, {nil, "-", filepath.Join(folder, "no"), "[]"},
	} {
		got, err := databaseFiles(tt.named, func(string) (string, bool) { return tt.env, tt.env != "-" }, tt.folder)
		if err != nil || fmt.Sprint(got) != tt.want {
			t.Errorf("%q, %q: %v, %v, want %s", tt.named, tt.env, got, err, tt.want)
		}
	}
}

// The exit status and the output of annotate.
func TestAnnotateCommand(t *testing.T) {
	golden, err := os.ReadFile(filepath.Join("..", "..", "..", "testdata", "output", "udp4.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"in": string(golden), "nets": knownNets, "bad": knownNets + "x\n", "names": "203.0.113.1 r1\n", "there": "",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		args   string
		status int
		want   string // in the output or the error
	}{
		{"annotate in out.ndjson --asn nets", 0, ""},
		{"annotate out.ndjson - --names names", 0, `"asn":[64500],"asn_src":"nets","prefix":"203.0.113.0/24","name":"r1"`},
		{"annotate out.ndjson - --annotate nets", 0, `"as_path":[{"ttl":[1,3],"kind":"as","asn":[64500]},{"ttl":[4,4],"kind":"as","asn":[64501,64502]}]`},
		{"annotate in -o out.ndjson.zst --annotate nets", 0, ""}, {"annotate in - --to scamper --asn nets", 0, "has no place for"},
		{"annotate in out.parquet --asn nets", 0, ""}, {"annotate out.parquet - --to ndjson --names names", 0, `"asn":[64500],"asn_src":"nets","prefix":"203.0.113.0/24","name":"r1"`},
		{"annotate in there --asn nets", 3, "there"}, {"annotate in there --asn nets --overwrite", 0, ""},
		{"annotate in no1 --asn bad", 4, "database bad: line 5: "}, {"annotate in no2 --geo nets", 2, "--geo: nets is of the kind pfx2as"},
		{"annotate in --asn nets", 2, "one file is not enough"}, {"annotate in no3 --annotate none", 2, "no database"},
		{"annotate in in --asn nets --overwrite", 2, "same file"}, {"annotate in nets --asn nets --overwrite", 2, "same file"},
		{"annotate --text in --asn nets", 2, "--text takes no files"}, {"annotate --text -o x --asn nets", 2, "--text cannot be combined with --output"},
		{"annotate --text --asn nets", 0, "x 203.0.113.9 [AS64500]\r\n"}, {"annotate --text --names names --asn bad", 4, "database bad"},
		{"scan 192.0.2.1 --dry-run --annotate bad", 4, "database bad"}, {"trace 192.0.2.1 --annotate bad", 4, "database bad"},
		{"trace -a 192.0.2.1 --annotate none", 2, "-a: there is no database"}, {"show out.ndjson", 0, "203.0.113.1 [AS64500]"},
	} {
		var out bytes.Buffer
		status := execute(strings.Fields(tt.args), strings.NewReader("x 203.0.113.9\r\n"), &out, &out)
		if status != tt.status || !strings.Contains(out.String(), tt.want) {
			t.Errorf("masstrace %s: status %d, want %d, %q\n%s", tt.args, status, tt.status, tt.want, out.String())
		}
	}
	if list, _ := filepath.Glob("no*"); len(list) > 0 {
		t.Errorf("%v were made", list)
	}
}

// Traces and scans have the fields while they are measured.
func TestInternetAnnotate(t *testing.T) {
	t.Parallel()
	lab.Need(t, routers.Name)
	dir := t.TempDir()
	nets := filepath.Join(dir, "nets")
	if err := os.WriteFile(nets, []byte(knownNets), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"trace", "-n", "-a", "--annotate", nets, "45.150.1.206"}, " 1  215.68.64.1 [AS64496]  "},
		{[]string{"trace", "-n", "--flows=4", "--annotate", nets, "45.150.1.206"}, "\n      [AS64496]\n"},
		{[]string{"trace", "--json", "--annotate", nets, "45.150.1.206"}, `"asn":[64496],"asn_src":"nets","prefix":"215.68.64.0/23"`},
		{[]string{"scan", "45.96.22.0/24", "-q", "--annotate", nets}, `"databases":[{"file":"nets","kind":"pfx2as","fields":["asn"]`},
		{[]string{"scan", "45.96.22.0/24", "-q", "--annotate", nets}, `"as_path":[{"ttl":[1,2],"kind":"as","asn":[64496]}`},
	} {
		args := append([]string{"lab", "--preset=clean", "--", program}, tt.args...)
		text, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
		if err != nil || !strings.Contains(string(text), tt.want) {
			t.Errorf("%q: %v, no %q\n%s", tt.args, err, tt.want, text)
		}
	}
}
