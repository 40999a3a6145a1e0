package show

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/record"
)

// heard is a format.Writer that keeps the target and the TTLs of each trace.
type heard struct{ traces map[string][]uint8 }

func (w *heard) Write(r record.Record) error {
	t, ok := r.(*record.Trace)
	if !ok {
		return nil
	}
	for _, h := range t.Hops {
		w.traces[t.Target.String()] = append(w.traces[t.Target.String()], h.TTL)
	}
	return nil
}

func (w *heard) Flush() error { return nil }

// Lines of the formats that are read.
const (
	yarrp = "198.51.100.1 1700000000 5 11 0 7 192.0.2.7 1234 17 44 56 250 192 0 17\n" +
		"198.51.100.2 1700000000 5 11 0 1 192.0.2.1 1234 17 44 56 250 192 0 17\n" +
		"198.51.100.1 1700000000 5 11 0 3 192.0.2.3 1234 17 44 56 250 192 0 17\n"
	caracal = `1640006077,1,::ffff:172.17.0.2,::ffff:198.51.100.1,24000,0,9,1,::ffff:192.0.2.9,1,11,0,250,56,"[]",1234,1` + "\n"
	scamper = `{"type":"trace","version":"0.1","method":"udp-paris","src":"192.0.2.200","dst":"198.51.100.1",` +
		`"stop_reason":"GAPLIMIT","hop_count":2,"hops":[{"addr":"192.0.2.2","probe_ttl":2,"probe_id":0,"rtt":1.5,` +
		`"reply_ttl":63,"icmp_type":11,"icmp_code":0}]}` + "\n"
	reply = `{"type":"reply","probe_dst_addr":"::ffff:198.51.100.1","probe_protocol":17,"probe_ttl":4,"reply_src_addr":"::ffff:192.0.2.4",` +
		`"probe_src_addr":"::ffff:192.0.2.200","kind":"ttl_exceeded","valid":"strong","userid":0}` + "\n"
)

func TestRun(t *testing.T) {
	one, both := map[string][]uint8{"198.51.100.1": {3, 7}}, map[string][]uint8{"198.51.100.1": {3, 7}, "198.51.100.2": {1}}
	for _, tt := range []struct {
		name, in string
		targets  string
		want     map[string][]uint8
	}{
		{"replies in any order", yarrp, "", both},
		{"an address", yarrp, "198.51.100.1/32", one},
		{"a prefix", yarrp, "198.51.100.0/24", both},
		{"another prefix", yarrp, "203.0.113.0/24", map[string][]uint8{}},
		{"columns", caracal, "", map[string][]uint8{"198.51.100.1": {9}}},
		{"traces", scamper, "", map[string][]uint8{"198.51.100.1": {2}}},
		{"traces with their replies", reply + scamper + reply, "", map[string][]uint8{"198.51.100.1": {2}}},
		{"our replies", reply + `{"type":"run","run":"x"}` + "\n", "", map[string][]uint8{"198.51.100.1": {4}}},
	} {
		var targets []netip.Prefix
		if tt.targets != "" {
			targets = append(targets, netip.MustParsePrefix(tt.targets))
		}
		w := &heard{map[string][]uint8{}}
		n, err := Run(t.Context(), Config{Results: "-", Stdin: strings.NewReader(tt.in), Targets: targets, Writer: w})
		if err != nil || n != len(tt.want) {
			t.Errorf("%s: %d traces, %v", tt.name, n, err)
		}
		if diff := cmp.Diff(tt.want, w.traces); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// Complete records of a cut file are shown. A file of another kind is refused.
func TestRunErrors(t *testing.T) {
	for _, tt := range []struct {
		in     string
		want   error
		traces int
	}{
		{scamper + scamper[:len(scamper)/2], format.ErrCut, 1},
		{yarrp + "198.51.100.3 17", format.ErrCut, 2},
		{"hello\n", format.ErrUnknown, 0},
		{"", format.ErrUnknown, 0},
		{"\x7fELF" + strings.Repeat("\x00,", 40) + "\n", format.ErrUnknown, 0}, // not the columns of caracal
	} {
		n, err := Run(t.Context(), Config{Results: "-", Stdin: strings.NewReader(tt.in), Writer: &heard{map[string][]uint8{}}})
		if !errors.Is(err, tt.want) || n != tt.traces {
			t.Errorf("%.40q: %d traces, %v; want %d, %v", tt.in, n, err, tt.traces, tt.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, Config{Results: "-", Stdin: strings.NewReader(scamper), Writer: &heard{}}); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
	if _, err := Run(t.Context(), Config{Results: "/nonexistent", Stdin: io.MultiReader(), Writer: &heard{}}); err == nil {
		t.Error("no file, and no error")
	}
}
