package verify

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// The formats of results.
const (
	Masstrace = "masstrace"
	Scamper   = "scamper"
	Yarrp     = "yarrp"
	Caracal   = "caracal"
)

// errFormat says that results are of no kind that is known.
var errFormat = errors.New("neither records of masstrace or scamper (JSON), nor rows of yarrp or caracal")

// read tells the format by the content, and reads.
func (c *checker) read(in io.Reader) error {
	r := bufio.NewReaderSize(in, 256<<10)
	head, err := r.Peek(4096)
	if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
		return err
	}
	switch c.format = formatOf(head); c.format {
	case Masstrace, Scamper:
		return c.readRecords(r)
	case Yarrp:
		return c.readLines(r, c.yarrpLine())
	case Caracal:
		return c.readLines(r, c.caracalLine)
	}
	return errFormat
}

// formatOf looks at the first octets. What is compressed can only be records;
// whose they are is known when one is met that scamper does not write.
func formatOf(head []byte) string {
	if bytes.HasPrefix(head, []byte{0x1f, 0x8b}) || bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		return Scamper
	}
	line, _, _ := bytes.Cut(bytes.TrimLeft(head, " \t\r\n"), []byte("\n"))
	switch {
	case bytes.HasPrefix(line, []byte("{")):
		return Scamper
	case bytes.HasPrefix(line, []byte("#")):
		return Yarrp
	case bytes.Count(line, []byte(",")) >= caracalColumns-1:
		return Caracal
	case len(bytes.Fields(line)) >= yarrpColumns-1:
		return Yarrp
	}
	return ""
}

// maxLine is the longest line that is believed to be one.
const maxLine = 1 << 20

// readLines hands each line to take, and counts those that take refuses.
func (c *checker) readLines(r io.Reader, take func(line string) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	for n := 1; s.Scan(); n++ {
		if err := take(s.Text()); err != nil {
			c.bad(n, err)
		}
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("read lines: %w", err)
	}
	return nil
}

// bad counts a line that is not understood.
func (c *checker) bad(line int, err error) {
	c.report.BadLines++
	c.example("bad line", "line %d: %v", line, err)
}

// row judges a claim of a format without traces: every answer has a row.
func (c *checker) row(q *claim, s *selector) {
	if q.ttl == 0 {
		return // it does not say which hop it is
	}
	c.flows = c.asked.pick(c.flows[:0], q.dst, s)
	if !q.late {
		c.forget(c.flows)
	}
	c.judge(&c.replies, c.flows, q)
}
