package traceroute

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// path is a trace that is read row by row.
type path struct {
	trace       *record.Trace
	unreachable []bool // by hop: its message reports that the path ends
	ttl         uint8  // of the last row; 0 before the first
	attempts    int    // of it, so far
	from        probe.Addr
	ext         []byte // of the answers from there
}

// row adds a row: TTL, and for each responder NAME (ADDRESS) [AS] <EXTENSION>, and the time and the
// marks of each answer. A row without a TTL goes on with that before it. After a fault the row
// has no further replies.
func (p *path) row(text string) error {
	first, rest, _ := strings.Cut(text, " ")
	switch ttl, err := strconv.ParseUint(first, 10, 8); {
	case err == nil && ttl == 0:
		return errors.New("a row with TTL 0")
	case err == nil && uint8(ttl) <= p.ttl:
		return fmt.Errorf("a row with TTL %d after that with %d", ttl, p.ttl)
	case err == nil:
		p.begin(uint8(ttl))
	case strings.HasSuffix(rest, "no reply"):
		return p.silence(first)
	case p.ttl == 0:
		return fmt.Errorf("a row without a TTL: %.40q", text)
	default:
		rest = text
	}
	for rest != "" {
		var word string
		word, rest = cutWord(rest)
		if err := p.word(word, &rest); err != nil {
			return err
		}
	}
	return nil
}

// begin begins the row of a TTL.
func (p *path) begin(ttl uint8) {
	if p.trace.FirstTTL == 0 {
		p.trace.FirstTTL = ttl
	}
	p.ttl, p.attempts, p.from, p.ext = ttl, 0, probe.Addr{}, nil
}

// silence takes a row of masstrace without replies, whose TTLs are of the form 3-5.
func (p *path) silence(ttls string) error {
	a, b, _ := strings.Cut(ttls, "-")
	first, err := strconv.ParseUint(a, 10, 8)
	last, err2 := strconv.ParseUint(b, 10, 8)
	if err != nil || err2 != nil || uint8(first) <= p.ttl || last < first {
		return fmt.Errorf("%.40q are not TTLs after %d", ttls, p.ttl)
	}
	p.begin(uint8(last))
	return nil
}

// cutWord cuts off the first word. One in brackets may have spaces.
func cutWord(s string) (word, rest string) {
	s = strings.TrimLeft(s, " \t")
	end := " "
	switch {
	case strings.HasPrefix(s, "<"):
		end = "> "
	case strings.HasPrefix(s, "["):
		end = "] "
	}
	word, rest, found := strings.Cut(s, end)
	if found {
		word += end[:len(end)-1]
	}
	return word, strings.TrimLeft(rest, " \t")
}

// word takes a word of a row; rest is the text after it.
func (p *path) word(word string, rest *string) error {
	switch word[0] {
	case '*':
		return p.probe(false, 0)
	case '!':
		return p.mark(word)
	case '<':
		ext, err := parseExtension(strings.Trim(word, "<>"))
		p.ext = ext
		return err
	case '[', '\'', '(': // AS numbers, the way back; and see below
		return nil
	}
	if next, after := cutWord(*rest); next == "ms" {
		ms, err := strconv.ParseFloat(word, 64)
		if err != nil || ms < 0 || ms > 1e9 {
			return fmt.Errorf("%.40q is not a time", word)
		}
		*rest = after
		return p.probe(true, int64(math.Round(ms*1e6)))
	} else if strings.HasPrefix(next, "(") { // the address of a name
		word, *rest = strings.Trim(next, "()"), after
	} else if strings.Contains(word, "=") { // F=1500 and the like
		return nil
	}
	from, err := format.ParseAddr(word)
	if err != nil {
		p.from = probe.Addr{} // so that times that follow are no replies of another's
		return err
	}
	p.from, p.ext = from, nil
	return nil
}

// probe adds a probe, and its reply if it was answered.
func (p *path) probe(answered bool, rtt int64) error {
	t := p.trace
	switch {
	case p.attempts > math.MaxUint8:
		return errors.New("more than 256 replies")
	case answered && p.from.IsZero():
		return errors.New("a time without an address before it")
	}
	attempt := uint8(p.attempts)
	p.attempts++
	t.ProbeCount++
	t.Attempts = max(t.Attempts, uint8(min(p.attempts, math.MaxUint8)))
	if !answered {
		t.Silent = append(t.Silent, record.TTLAttempt{TTL: p.ttl, Attempt: attempt})
		return nil
	}
	h := newHop(t, p.ttl, attempt, p.from)
	h.RTT, h.Ext = rtt, p.ext
	h.Lacks |= record.LacksSent
	t.Hops, p.unreachable = append(t.Hops, h), append(p.unreachable, false)
	return nil
}

// mark adds a mark to the last reply.
func (p *path) mark(word string) error {
	n := len(p.trace.Hops) - 1
	if n < 0 || p.trace.Hops[n].TTL != p.ttl {
		return fmt.Errorf("the mark %.40q without a reply before it", word)
	}
	h := &p.trace.Hops[n]
	ends, err := parseMark(h, word)
	p.unreachable[n] = ends
	return err
}
