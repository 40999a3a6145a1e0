package list

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/target"
	"github.com/masstrace/masstrace/sender"
)

// reader reads a list of probes as caracal takes it, one a line:
//
//	destination,source port,destination port,TTL,protocol
//
// where protocol is udp, icmp or icmp6. For ICMP the source port is checksum and
// identifier. An IPv4 destination may be written as ::ffff:a.b.c.d. See target.LineReader
// for the rest.
type reader struct {
	name  string
	lines *target.LineReader
	file  *os.File // nil for stdin
}

// open opens the list at path, - is stdin.
func open(path string, stdin io.Reader) (*reader, error) {
	r := &reader{name: path}
	if path == "-" {
		r.name = "stdin"
	} else {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("list of probes: %w", err)
		}
		r.file, stdin = f, f
	}
	r.lines = target.NewLineReader(r.name, stdin)
	return r, nil
}

// next fills v with the next line; io.EOF says that there is none. Other errors
// name file and line.
func (r *reader) next(v *codec.Line) error {
	text, err := r.lines.Next()
	if err != nil {
		return err
	}
	if err := parse(text, v); err != nil {
		return plan.Refuse("", "%w", r.lines.Wrap(err))
	}
	return nil
}

// batch is some lines; err is the error or the end after them, if any.
type batch struct {
	lines []codec.Line
	err   error
}

// feed reads the list into out, batch by batch, until its end, an error or the end
// of stop. A batch goes out when it is full, or the next line is not there yet.
// Reading cannot be interrupted: feed may not return before the process ends.
func (r *reader) feed(stop context.Context, out chan<- batch) {
	var b batch
	for b.err == nil {
		var v codec.Line
		if b.err = r.next(&v); b.err == nil {
			b.lines = append(b.lines, v)
			if len(b.lines) < sender.MaxBatch && r.lines.Buffered() {
				continue
			}
		}
		select {
		case out <- b:
			b.lines = nil
		case <-stop.Done():
			return
		}
	}
}

func (r *reader) close() {
	if r.file != nil {
		_ = r.file.Close() // read only
	}
}

// parse parses one line and checks it.
func parse(text string, v *codec.Line) error {
	fields := strings.Split(text, ",")
	if len(fields) != 5 {
		return fmt.Errorf("%d fields instead of 5: destination,source port,destination port,TTL,protocol", len(fields))
	}
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	addr, err := netip.ParseAddr(fields[0])
	if err != nil || addr.Zone() != "" {
		return fmt.Errorf("%q is not a destination address", fields[0])
	}
	srcPort, errSrc := strconv.ParseUint(fields[1], 10, 16)
	dstPort, errDst := strconv.ParseUint(fields[2], 10, 16)
	ttl, errTTL := strconv.ParseUint(fields[3], 10, 8)
	switch {
	case errSrc != nil:
		return fmt.Errorf("%q is not a source port", fields[1])
	case errDst != nil:
		return fmt.Errorf("%q is not a destination port", fields[2])
	case errTTL != nil:
		return fmt.Errorf("%q is not a TTL", fields[3])
	}
	*v = codec.Line{
		Target: probe.AddrFrom(addr.Unmap()), SrcPort: uint16(srcPort), DstPort: uint16(dstPort), TTL: uint8(ttl),
	}
	is4 := v.Target.Is4()
	switch {
	case fields[4] == "udp":
		v.Method = probe.UDP
	case fields[4] == "icmp" && is4, fields[4] == "icmp6" && !is4:
		v.Method, v.DstPort = probe.ICMP, 0
	case fields[4] == "icmp" || fields[4] == "icmp6":
		return fmt.Errorf("%s does not fit the address family of %v", fields[4], addr)
	default:
		return fmt.Errorf("protocol %q is not udp, icmp or icmp6", fields[4])
	}
	return v.Check()
}
