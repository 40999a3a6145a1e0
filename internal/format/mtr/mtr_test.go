package mtr

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/record"
)

// read returns the hops of all reports in a text, and its faults.
func read(in string) (hops []string, faults []string, err error) {
	r := Format.NewReader(strings.NewReader(in))
	for {
		rec, err := r.Read()
		var line *format.LineError
		switch {
		case errors.As(err, &line):
			faults = append(faults, err.Error())
		case err != nil:
			return hops, faults, err
		default:
			t := rec.(*record.Trace)
			for i := range t.Hops {
				h := &t.Hops[i]
				hops = append(hops, fmt.Sprintf("%d %v %d", h.TTL, h.Responder, h.RTT/1e3))
			}
			hops = append(hops, fmt.Sprintf("%v of %d probes of %d bytes: %v at %d", t.Target, t.ProbeCount, t.ProbeSize, t.StopReason, t.End))
		}
	}
}

// Reports of Debian's mtr 0.95, written in the lab.
func TestRead(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		fault      string
	}{
		{"numeric", "1 20.0.1.1 99, 2 45.16.1.1 52, 45.16.1.1 of 4 probes of 64 bytes: COMPLETED at 2", ""},
		{"both", "1 20.0.1.1 66, 2 45.16.1.1 69, 45.16.1.1 of 4 probes of 64 bytes: COMPLETED at 2", ""},
		{"as", "1 20.0.1.1 68, 2 45.16.1.1 70, 45.16.1.1 of 4 probes of 64 bytes: COMPLETED at 2", ""},
		{"ipv6", "1 2a00:1:0:1::1 88, 2 2a00:16::1 90, 2a00:16::1 of 4 probes of 64 bytes: COMPLETED at 2", ""},
		{"names", "", `line 1: hub 1: "vantage.r1.lab.example.net" is not an address; run mtr with -n or -b`},
	} {
		text, err := os.ReadFile("testdata/" + tt.name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		hops, faults, err := read(string(text))
		if got := strings.Join(hops, ", "); got != tt.want || strings.Join(faults, ", ") != tt.fault || err != io.EOF {
			t.Errorf("%s: %s; %q, %v; want %s; %q", tt.name, got, faults, err, tt.want, tt.fault)
		}
		if !Format.Begins(text) {
			t.Errorf("%s is not taken for mtr's", tt.name)
		}
		if _, _, err := read(string(text[:len(text)-10])); err != format.ErrCut {
			t.Errorf("%s, cut: %v", tt.name, err)
		}
	}
	for _, name := range []string{"silent", "tcp"} {
		text, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		hops, faults, err := read(string(text))
		hubs := strings.Count(string(text), `"count"`) - strings.Count(string(text), "???")
		if len(hops) != hubs+1 || faults != nil || err != io.EOF {
			t.Errorf("%s: %q, %q, %v; want %d hops", name, hops, faults, err, hubs)
		}
	}
}

func TestRefuses(t *testing.T) {
	for in, want := range map[string]string{
		`{"report":{"mtr":{"dst":"a.example"}}}`:                                             "give mtr the address",
		`{"report":{"mtr":{"dst":"1.2.3.4"},"hubs":[{"count":0}]}}`:                          "no TTL",
		`{"report":{"mtr":{"dst":"1.2.3.4"},"hubs":[{"count":2},{"count":2,"host":"???"}]}}`: "not an address",
		`{"report":{"mtr":{"dst":"1.2.3.4"},"hubs":[{"count":256,"host":"???"}]}}`:           "no TTL",
		`{"report":{"mtr":{"dst":"1.2.3.4"},"hubs":[{"count":-1,"host":"???"}]}}`:            "not a number",
		`{"report":null}`: "no report",
		`{}`:              "no report",
		`{"report":3}`:    "cannot unmarshal",
	} {
		hops, faults, err := read(in)
		if hops != nil || len(faults) != 1 || !strings.Contains(faults[0], want) || err != io.EOF {
			t.Errorf("%s: %q, %q, %v; want %q", in, hops, faults, err, want)
		}
	}
	old := `{"report":{"mtr":{"dst":"1.2.3.4","tests":"10","psize":"rand(64-128)"},"hubs":[{"count":"1","host":"1.2.3.4","Loss%":0.00,"Last":1.5}]}}`
	if hops, faults, err := read(old); len(hops) != 2 || faults != nil || err != io.EOF {
		t.Errorf("%q, %q, %v", hops, faults, err)
	}
}

func FuzzReader(f *testing.F) {
	for _, name := range []string{"both", "ipv6", "silent"} {
		text, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, in string) {
		if hops, _, err := read(in); err == nil || len(hops) > len(in) {
			t.Fatalf("%d hops of %d octets, %v", len(hops), len(in), err)
		}
	})
}
