package policy

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/probe"
)

const example = `
methods udp icmp   # no TCP
ports 33434-33534 53
rate 1.5k
hours 22:00-06:00 12:00-13:00
submitters alice
targets 192.0.2.0/24
exclude 192.0.2.7
`

func TestRefusal(t *testing.T) {
	p, err := Parse("policy", strings.NewReader(example))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		submitter, method string
		port              uint16
		want              string
	}{
		{"alice", "udp", 33434, ""},
		{"alice", "udp", 53, ""},
		{"alice", "icmp", 0, ""},
		{"alice", "udp", 54, "the policy does not allow destination port 54"},
		{"alice", "tcp-syn", 53, "the policy does not allow method tcp-syn"},
		{"bob", "udp", 53, "the policy does not allow submitter bob"},
	}
	for _, tt := range tests {
		j := &job.Job{Submitter: tt.submitter}
		j.Spec.Options.Method, j.Spec.Options.DstPort = tt.method, tt.port
		if got := p.Refusal(j); got != tt.want {
			t.Errorf("%s, %s, port %d: %q, want %q", tt.submitter, tt.method, tt.port, got, tt.want)
		}
		if got := new(Policy).Refusal(j); got != "" {
			t.Errorf("no policy refuses: %s", got)
		}
	}
	if p.RatePPS != 1500 {
		t.Errorf("rate %v", p.RatePPS)
	}
	for text, want := range map[string]bool{"192.0.2.7": true, "192.0.2.8": false, "198.51.100.1": true, "2001:db8::1": true} {
		a, err := netip.ParseAddr(text)
		if err != nil {
			t.Fatal(err)
		}
		if p.Forbidden.Contains(probe.AddrFrom(a)) != want {
			t.Errorf("%s: forbidden %v", text, !want)
		}
	}
}

func TestOpen(t *testing.T) {
	p, err := Parse("policy", strings.NewReader(example))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"21:59": false, "22:00": true, "03:00": true, "06:00": false, "12:30": true, "13:00": false} {
		at, err := time.Parse("15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		if p.Open(at) != want || !new(Policy).Open(at) {
			t.Errorf("open at %s: %v", text, !want)
		}
	}
}

func TestTargetRefusal(t *testing.T) {
	tests := []struct {
		mode           job.Mode
		forbidden, all uint64
		want           string
	}{
		{job.Split, 0, 9, ""},
		{job.Split, 1, 9, "the policy does not allow 1 of 9 targets, and a split job needs all"},
		{job.Every, 1, 9, ""},
		{job.Every, 9, 9, "the policy does not allow any of the targets"},
	}
	for _, tt := range tests {
		if got := TargetRefusal(tt.mode, tt.forbidden, tt.all); got != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}

// A wrong line is refused with its number: a policy that is half understood protects nobody.
func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"method udp":              `policy:1: "method" is not known`,
		"rate 5\nrate 6":          "policy:2: rate has two lines",
		"rate":                    "policy:1: rate has no value",
		"rate 0":                  "policy:1: rate needs one number above 0",
		"\n# x\nports 9-1":        `policy:3: "9-1" is not a range of ports`,
		"hours 25:00-26:00":       `policy:1: "25:00-26:00" is not a range of hours`,
		"methods udp sctp":        `policy:1: "sctp" is not a method`,
		"targets nowhere.invalid": "policy: ",
	} {
		if _, err := Parse("policy", strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy")
	if _, err := Read(path); err == nil {
		t.Error("read a file that is not there")
	}
	if err := os.WriteFile(path, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); err != nil {
		t.Error(err)
	}
}
