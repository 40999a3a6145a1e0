package screen

import (
	"flag"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/watch/board"
	"github.com/masstrace/masstrace/internal/watch/table"
	"github.com/masstrace/masstrace/internal/wire"
)

var update = flag.Bool("update", false, "write the goldens")

func TestMain(m *testing.M) {
	time.Local = time.UTC
	os.Exit(m.Run())
}

// fixed is a Source with a board.
type fixed struct {
	board  *board.Board
	paused bool
	resets int
}

func (f *fixed) View(show func(b *board.Board)) { show(f.board) }
func (f *fixed) Pause(stop bool)                { f.paused = stop }
func (f *fixed) Reset()                         { f.resets++; f.board.Reset() }

// addr returns an address of a path.
func addr(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}) }

// names of some hops.
var names = map[netip.Addr]string{
	addr(1): "gw1.office.example.net", addr(2): "et-0-0-0.edge2.ams.example.net", addr(3): "po2.core1.fra.example.net",
	addr(5): "be7.bb2.nrt.example.net", addr(8): "www.example.com",
}

// watched returns a board of two targets after some cycles. It has a router that limits its answers
// and a silent one, a label stack, a rewritten field and a change. One target is unreachable.
func watched(flows int) *board.Board {
	b := board.New([]board.Target{{Name: "www.example.com", Addr: addr(8)}, {Name: "2001:db8::9", Addr: netip.MustParseAddr("2001:db8::9")}}, flows)
	random := rand.New(rand.NewPCG(3, 4))
	for cycle := range uint32(60) {
		for flow := range flows {
			for ttl := uint8(1); ttl <= 8; ttl++ {
				b.Take(sampleOf(random, cycle, flow, ttl))
			}
			for ttl := uint8(1); ttl <= 3; ttl++ {
				s := sampleOf(random, cycle, flow, ttl)
				if s.Target = 1; ttl == 3 {
					s.Kind = probe.KindAdmin
				}
				b.Take(s)
			}
		}
		b.EndCycle(cycle)
	}
	return b
}

// sampleOf returns the sample of a probe to the first target.
func sampleOf(random *rand.Rand, cycle uint32, flow int, ttl uint8) *board.Sample {
	s := &board.Sample{Cycle: cycle, Flow: flow, TTL: ttl, From: addr(int(ttl)), Sent: int64(cycle)*1e9 + 1767323045e9}
	s.Kind, s.ReplyTTL, s.QuotedTTL = probe.KindTTLExceeded, 64-ttl, 1
	s.RTT = time.Duration(float64(ttl*ttl)*1.7e6 + random.ExpFloat64()*4e5*float64(ttl))
	switch {
	case ttl == 4 && cycle%3 == 1, ttl == 6:
		s.Outcome = board.Silent
	case ttl == 5 && cycle >= 40:
		s.From = addr(55)
	case ttl == 5:
		s.MPLS = []wire.Label{{Label: 24017, S: 1, TTL: 1}}
	case ttl == 7:
		s.Rewritten = probe.MangledIPID
	case ttl == 8:
		s.Kind = probe.KindEchoReply
		if cycle == 30 {
			s.Outcome = board.Silent
		}
	}
	return s
}

// newScreen returns a model of a size.
func newScreen(t *testing.T, source Source, width, height int, look table.Look) *model {
	t.Helper()
	columns, err := table.Parse(table.DefaultColumns + ",jitter,p95")
	if err != nil {
		t.Fatal(err)
	}
	m := newModel(Config{Source: source, Look: look, Columns: columns, Title: "udp, every 1s"})
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	m.View() // the first picture counts the rows
	return m
}

// picture returns the text of a screen, without styles.
func picture(m *model) string {
	var lines []string
	for line := range strings.SplitSeq(ansi.Strip(m.View().Content), "\n") {
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return strings.Join(lines, "\n") + "\n"
}

// press presses keys.
func press(m *model, keys ...string) (last tea.Cmd) {
	for _, k := range keys {
		last = m.key(k)
	}
	return last
}

// The pictures are as they were, for each size and page.
func TestPictures(t *testing.T) {
	named := table.Look{Name: func(a netip.Addr) string { return names[a] }}
	labelled := named
	labelled.Label = func(a netip.Addr) string { return "AS64500 EXAMPLE" }
	for name, tt := range map[string]struct {
		width, height, flows int
		look                 table.Look
		keys                 []string
	}{
		"80x24":         {80, 24, 1, named, nil},
		"200x60":        {200, 60, 1, labelled, []string{"v"}},
		"side by side":  {160, 18, 1, named, []string{"tab", "down"}},
		"side, ascii":   {170, 12, 2, table.Look{ASCII: true}, nil},
		"20x5":          {20, 5, 1, named, nil},
		"ascii":         {80, 24, 1, table.Look{ASCII: true}, nil},
		"flows":         {120, 30, 2, named, nil},
		"wide":          {80, 24, 1, named, []string{"d"}},
		"second":        {80, 24, 1, named, []string{"tab"}},
		"details":       {80, 30, 1, labelled, []string{"down", "down", "down", "down", "enter"}},
		"help":          {80, 40, 1, named, []string{"?"}},
		"changes":       {80, 12, 1, named, []string{"c"}},
		"paused":        {80, 12, 1, table.Look{}, []string{"p", "s"}},
		"ended":         {80, 10, 1, table.Look{}, nil},
		"1x1":           {1, 1, 1, named, nil},
		"after a reset": {80, 12, 1, named, []string{"r"}},
	} {
		t.Run(name, func(t *testing.T) {
			source := &fixed{board: watched(tt.flows)}
			m := newScreen(t, source, tt.width, tt.height, tt.look)
			press(m, tt.keys...)
			if name == "ended" {
				m.Update(endedMsg{})
			}
			got := picture(m)
			for line := range strings.Lines(got) {
				if w := lipgloss.Width(strings.TrimRight(line, "\n")); w > tt.width {
					t.Errorf("%d characters: %s", w, line)
				}
			}
			if n := strings.Count(got, "\n"); n > tt.height {
				t.Errorf("%d lines on a terminal of %d", n, tt.height)
			}
			golden(t, strings.NewReplacer(",", "", " ", "-").Replace(name)+".txt", got)
		})
	}
}

// The document has the pictures.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../../docs/watch.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"80x24", "200x60", "20x5", "ascii", "details", "side-by-side"} {
		picture, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		want := string(picture)
		for name == "200x60" && strings.Contains(want, "\n\n\n") {
			want = strings.ReplaceAll(want, "\n\n\n", "\n\n")
		}
		if !strings.Contains(string(text), "```text\n"+want+"```") {
			t.Errorf("docs/watch.md lacks the picture %s:\n%s", name, want)
		}
	}
}

// golden compares a text with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run go test with -update and look at the difference. The picture is\n%s", path, got)
	}
}

// No size breaks a picture, on any page, after any key.
func TestSizes(t *testing.T) {
	source := &fixed{board: watched(2)}
	keys := []string{"down", "end", "enter", "q", "?", "pgdown", "esc", "c", "q", "d", "f", "s", "n", "2", "up", "pgup", "home", "S", "shift+tab", "x", "v", "tab"}
	for _, width := range []int{0, 1, 2, 4, 7, 10, 15, 20, 30} {
		for _, height := range []int{0, 1, 2, 3, 5, 8, 10, 12, 24} {
			m := newScreen(t, source, width*8, height, table.Look{})
			for _, k := range append([]string{""}, keys...) {
				press(m, k)
				text := picture(m)
				if n := strings.Count(text, "\n"); n > max(height, 1) {
					t.Fatalf("%dx%d after %q: %d lines", width*8, height, k, n)
				}
				for line := range strings.Lines(text) {
					if lipgloss.Width(strings.TrimSuffix(line, "\n")) > width*8 {
						t.Fatalf("%dx%d after %q: too wide: %s", width*8, height, k, line)
					}
				}
			}
		}
	}
}

// Keys act on the watch, and leave it.
func TestKeys(t *testing.T) {
	source := &fixed{board: watched(1)}
	m := newScreen(t, source, 80, 24, table.Look{})
	press(m, "p")
	if !source.paused {
		t.Error("p does not pause")
	}
	press(m, "space")
	if source.paused {
		t.Error("space does not go on")
	}
	press(m, "r")
	if source.resets != 1 {
		t.Error("r does not reset")
	}
	press(m, "?")
	if cmd := press(m, "q"); cmd != nil || m.page != pageTable {
		t.Error("q on a page leaves the program")
	}
	for _, key := range []string{"q", "esc", "ctrl+c"} {
		cmd := press(m, key)
		if cmd == nil {
			t.Fatalf("%s does not leave the program", key)
		}
		if _, quits := cmd().(tea.QuitMsg); !quits {
			t.Errorf("%s does not leave the program", key)
		}
	}
}

// The styles differ on light and dark terminals.
func TestBackground(t *testing.T) {
	if newTheme(true).title.GetForeground() == newTheme(false).title.GetForeground() {
		t.Error("a light terminal has the colours of a dark one")
	}
}

func BenchmarkPicture(b *testing.B) {
	columns, _ := table.Parse(table.DefaultColumns)
	m := newModel(Config{Source: &fixed{board: watched(1)}, Columns: columns, Title: "udp"})
	b.ReportAllocs()
	for b.Loop() {
		_ = m.View()
	}
}
