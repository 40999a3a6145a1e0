package commands

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/netsim"
)

// netLog is a log of a simulated network, with an answer to each probe.
type netLog struct {
	probes         int
	targets, flows bool // each probe has a target, or a source port, of its own
	sources        bool // likewise a source
}

// write writes the log to a file.
func (l *netLog) write(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "net.log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	var head bytes.Buffer
	if n, err := netsim.NewLogWriter(&head, netsim.Default()); err != nil || n.Flush() != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	_, _ = w.Write(head.Bytes()) // Flush returns the error
	source := func(a uint32) { _, _ = w.Write(binary.BigEndian.AppendUint32([]byte{1}, a)) }
	source(0xc0000202)
	for i := range uint32(l.probes) {
		dst, port := uint32(0x2d000000), uint32(0x9c40)
		if l.targets {
			dst += i * 251 // not in one prefix
		}
		if l.sources {
			source(0x0a000000 + i)
		}
		label := uint32(0)
		if l.flows {
			port, label = i&0xffff, i>>16
		}
		b := binary.BigEndian.AppendUint64([]byte{3}, uint64(i)*1000)
		for _, v := range []uint32{0, port<<16 | 33434, 8<<16 | i&0xffff, label} {
			b = binary.BigEndian.AppendUint32(b, v)
		}
		b = append(b, byte(i>>8), byte(i), 0, 28, byte(1+i%30), 17, byte(netsim.Answered), byte(netsim.TimeExceeded), 3, 1, 2, 1)
		_, _ = w.Write(binary.BigEndian.AppendUint32(b, dst))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// The memory of verify for each probe, and more for each flow and for each target, in octets.
const (
	probeOctets  = 48
	flowOctets   = 210
	targetOctets = 40
)

// A comparison takes a little memory for each probe, flow and target of the log. Its time grows
// with their number alone: a log of one flow, or of one target with many, takes no longer.
func TestVerifyLogs(t *testing.T) {
	t.Parallel()
	probes := effort.Count(400_000, 10_000_000)
	for name, l := range map[string]netLog{
		"one flow":      {},
		"a flow each":   {flows: true},
		"a target each": {targets: true},
		"a source each": {sources: true},
	} {
		t.Run(name, func(t *testing.T) {
			l.probes = probes
			each := probeOctets
			if l.flows || l.targets {
				each += flowOctets
			}
			if l.targets {
				each += targetOctets
			}
			results := filepath.Join(t.TempDir(), "x.ndjson")
			text := headRecords + "\n" + strings.Repeat(`{"type":"trace","version":"0.1","method":"udp-paris","src":"192.0.2.2","dst":"45.0.0.0","sport":40000,"dport":33434,"stop_reason":"GAPLIMIT","stop_data":0,"hops":[]}`+"\n", 20_000)
			if err := os.WriteFile(results, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			readsIn(t, plainMemory+int64(each*probes), "verify", "--log", l.write(t), results)
		})
	}
}
