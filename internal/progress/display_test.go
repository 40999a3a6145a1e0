package progress

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/progress/terminaltest"
)

// Messages and the display never mix: in any order of both, the terminal has all messages in their
// order, and then the last block. A block of an earlier size leaves nothing behind.
func TestDisplayAndMessages(t *testing.T) {
	random := rand.New(rand.NewPCG(effort.Seed(t), 1))
	for range effort.Count(200, 20_000) {
		columns := 2 + random.IntN(100)
		terminal := terminaltest.New(columns)
		d := New(terminal)
		var want []string
		var block []string
		for i := range 1 + random.IntN(30) {
			switch random.IntN(6) {
			case 0:
				d.Erase()
				block = nil
				message := fmt.Sprintf("m%d", i)[:2]
				fmt.Fprintln(terminal, message)
				want = append(want, message)
			case 1:
				d.Erase()
				block = nil
			case 2:
				d.Leave()
				want, block = append(want, block...), nil
			default:
				block = nil
				for range random.IntN(6) {
					block = append(block, strings.Repeat("b", 1+random.IntN(columns-1)))
				}
				d.Show(block)
			}
		}
		if got, want := terminal.Text(), strings.Join(append(want, block...), "\n")+"\n"; got != want || terminal.Cut > 0 || terminal.Unknown != nil {
			t.Fatalf("%d columns: cut %d, unknown %q, got\n%s\nwant\n%s", columns, terminal.Cut, terminal.Unknown, got, want)
		}
	}
}

// A terminal that has become narrower cuts lines, and does not break them.
func TestDisplayTooWide(t *testing.T) {
	terminal := terminaltest.New(10)
	d := New(terminal)
	for range 3 {
		d.Show([]string{strings.Repeat("a", 25), "b"})
	}
	if got := terminal.Text(); got != "aaaaaaaaaa\nb\n" {
		t.Errorf("the terminal has\n%s", got)
	}
	d.Erase()
	fmt.Fprintln(terminal, strings.Repeat("c", 12))
	if got := terminal.Text(); got != "cccccccccc\ncc\n" {
		t.Errorf("after the display the terminal has\n%s", got)
	}
}
