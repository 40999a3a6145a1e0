package lists

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

func addr(s string) probe.Addr { return probe.AddrFrom(netip.MustParseAddr(s)) }

// path returns a trace with a hop at each TTL from 1; there is none where the address is empty.
func path(target string, reached bool, hops ...string) *record.Trace {
	t := &record.Trace{Head: record.Head{Target: addr(target)}}
	t.Reached = reached
	for i, s := range hops {
		if s != "" {
			h := record.Hop{}
			h.Target, h.TTL, h.Responder = t.Target, uint8(i+1), addr(s)
			t.Hops = append(t.Hops, h)
		}
	}
	return t
}

func reply(target, from string, change func(*record.Reply)) *record.Reply {
	r := &record.Reply{Head: record.Head{Target: addr(target)}}
	r.Hop.Target, r.TTL, r.Responder = r.Head.Target, 9, addr(from)
	if change != nil {
		change(r)
	}
	return r
}

// some are records with everything that lists tell apart.
func some() []record.Record {
	two := path("192.0.2.9", false, "10.0.0.10", "10.0.0.2")
	two.Hops = append(two.Hops, two.Hops[1], two.Hops[1]) // another attempt, and another router
	two.Hops[2].Responder = addr("10.0.0.3")
	three := path("192.0.2.9", true, "10.0.0.10")
	three.Inferred = []record.Interface{{TTL: 1, Addr: addr("10.0.0.77")}}
	return []record.Record{
		&record.CycleStart{},
		path("2001:db8::9", true, "2001:db8::1", "::ffff:10.0.0.1", "2001:db8::9"),
		two, three,
		path("192.0.2.10", false, "10.0.0.10", "10.0.0.10", "", "10.0.0.2"),
		path("192.0.2.100", true, "10.0.0.10", "192.0.2.100", "10.0.0.2"),
		path("192.0.2.1", false),
		reply("192.0.2.1", "10.0.0.5", nil),
		reply("192.0.2.1", "10.0.0.6", func(r *record.Reply) { r.Withheld = true }),
		reply("192.0.2.7", "192.0.2.7", nil),
		reply("192.0.2.8", "192.0.2.8", func(r *record.Reply) { r.Withheld = true }),
	}
}

var lists = map[string]struct {
	format format.Format
	want   string
}{
	"interfaces": {Interfaces, "10.0.0.1\n10.0.0.10\n10.0.0.2\n10.0.0.3\n10.0.0.5\n2001:db8::1\n"},
	"links":      {Links, "near,far\n10.0.0.10,10.0.0.2\n10.0.0.10,10.0.0.3\n2001:db8::1,10.0.0.1\n"},
	"answered":   {Answered, "192.0.2.100\n192.0.2.7\n192.0.2.9\n2001:db8::9\n"},
	"silent":     {Silent, "192.0.2.1\n192.0.2.10\n"},
}

// write returns the list of records, with at most that many lines in memory.
func write(t testing.TB, f format.Format, most int, records []record.Record) string {
	t.Helper()
	var out strings.Builder
	w := f.NewWriter(format.Output{Out: &out}).(*Writer)
	w.most = most
	for _, r := range records {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil || out.Len() != 0 {
		t.Fatalf("%v, %q before the end", err, out.String())
	}
	if err := errors.Join(w.End(), w.Flush()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestLists(t *testing.T) {
	for name, tt := range lists {
		if tt.format.Name != name || tt.format.NewReader != nil || tt.format.Begins([]byte("10.0.0.1\n")) {
			t.Errorf("%s: %+v", name, tt.format)
		}
		for _, most := range []int{1, 2, mostKeys} {
			if got := write(t, tt.format, most, some()); got != tt.want {
				t.Errorf("%s, %d in memory:\n%s\nwant\n%s", name, most, got, tt.want)
			}
		}
		header, _, _ := strings.Cut(tt.want, "1")
		if got := write(t, tt.format, 1, nil); name == "links" && got != header || name != "links" && got != "" {
			t.Errorf("%s of nothing is %q", name, got)
		}
	}
}

// More lines than the temporary files of one merge hold are sorted as sort(1) does, and comm(1)
// takes them.
func TestSort(t *testing.T) {
	var records []record.Record
	for i := range uint32(3000) {
		var four [4]byte
		binary.BigEndian.PutUint32(four[:], 0x0a000000+i*7919%1500*977)
		records = append(records, reply("192.0.2.1", probe.Addr4From(four).String(), nil))
	}
	list := write(t, Interfaces, 7, records)
	if n := strings.Count(list, "\n"); n != 1500 {
		t.Errorf("%d lines of 1500", n)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "all"), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	half := write(t, Interfaces, mostKeys, records[:700])
	if err := os.WriteFile(filepath.Join(dir, "half"), []byte(half), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"sort", "-cu", "all"}, {"comm", "--check-order", "-13", "all", "half"}} {
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "LC_ALL=C")
		if out, err := cmd.CombinedOutput(); err != nil || len(out) != 0 {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}

// full is a file on a full disk.
type full struct{ err error }

func (f full) Write([]byte) (int, error) { return 0, f.err }

func TestFull(t *testing.T) {
	broken := errors.New("broken")
	w := Interfaces.NewWriter(format.Output{Out: full{broken}})
	for _, r := range some() {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	_ = w.(format.Ender).End()
	if err := w.Flush(); !errors.Is(err, broken) {
		t.Error(err)
	}
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	lines := Interfaces.NewWriter(format.Output{Out: full{}}).(*Writer)
	lines.most = 1
	var err error
	for _, r := range some() {
		err = lines.Write(r)
	}
	if err == nil || lines.End() != err || !strings.HasPrefix(err.Error(), "sort lines: ") {
		t.Error(err)
	}
}

func BenchmarkInterfaces(b *testing.B) {
	hops := make([]string, 15)
	for i := range hops {
		hops[i] = netip.AddrFrom4([4]byte{10, 0, byte(i), 1}).String()
	}
	t := path("192.0.2.1", true, hops...)
	w := Interfaces.NewWriter(format.Output{Out: full{}})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		binary.BigEndian.PutUint32(t.Hops[14].Responder[12:], uint32(i)%1000)
		if err := w.Write(t); err != nil {
			b.Fatal(err)
		}
	}
}
