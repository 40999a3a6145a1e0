package job

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

func valid() Spec {
	return Spec{Name: "monday", Mode: Split, Agents: "*", Targets: "x", Options: Options{RatePPS: 10}}
}

func TestCheck(t *testing.T) {
	good := valid()
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	tests := map[string]func(*Spec){
		"Name":    func(s *Spec) { s.Name = "Monday!" },
		"Mode":    func(s *Spec) { s.Mode = "some" },
		"Agents":  func(s *Spec) { s.Agents = "[" },
		"Slices":  func(s *Spec) { s.Slices = -1 },
		"RatePPS": func(s *Spec) { s.Options.RatePPS = 0 },
		"Assign":  func(s *Spec) { s.Mode = Assigned },
		"Key":     func(s *Spec) { s.Key = "zz" },
	}
	for field, spoil := range tests {
		s := valid()
		spoil(&s)
		err, ok := s.Check().(*plan.ConfigError)
		if !ok || err.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// The options of a job are those of a scan, there and back.
func TestOptions(t *testing.T) {
	want := plan.Config{
		PerPrefix: 2, Granularity4: 24, Granularity6: 48, Seed: "s", Method: probe.TCPACK, MinTTL: 2, MaxTTL: 9, DstPort: 80, TOS: 4,
		Flows: 3, Attempts: 2, Strategy: record.Strategy{Strategy: "topology", GapLimit: 4}, PerHopRate: 5, PrefixRate: 12,
		RatePPS: 100, Wait: time.Second, Memory: 1 << 20, PortLow: 1000, PortHigh: 2000, Records: record.Both, MaxTargets: 7, AllowReserved: true,
		NoStop: true, HostRule: "first",
	}
	o := OptionsOf(&want)
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var back Options
	if err := Decode(text, &back); err != nil {
		t.Fatal(err)
	}
	got, err := back.Config()
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for _, bad := range []Options{{Method: "sctp", Records: "trace"}, {Method: "udp", Records: "all"}} {
		if _, err := bad.Config(); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

// An option that this version does not know is refused, and not ignored.
func TestUnknownOption(t *testing.T) {
	var s Spec
	err := Decode([]byte(`{"name":"x","options":{"warp":9}}`), &s)
	if err == nil || !strings.Contains(err.Error(), "warp") {
		t.Errorf("Decode = %v", err)
	}
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		patterns string
		want     bool
	}{{"*", true}, {"eu-*", true}, {"us-*, eu-1", true}, {"us-*", false}, {"", false}, {"[", false}} {
		if Matches(tt.patterns, "eu-1") != tt.want {
			t.Errorf("%q: %v", tt.patterns, !tt.want)
		}
	}
}

// Each agent has a key of its own, and the same one each time.
func TestAgentKey(t *testing.T) {
	const key = "000102030405060708090a0b0c0d0e0f"
	a, err := AgentKey(key, "paris")
	b, _ := AgentKey(key, "tokyo")
	again, _ := AgentKey(key, "paris")
	if err != nil || a == b || a != again || a == key || len(a) != 32 {
		t.Errorf("keys %s, %s, %s: %v", a, b, again, err)
	}
	if _, err := AgentKey("x", "paris"); err == nil {
		t.Error("derived a key from no key")
	}
}

func TestUnits(t *testing.T) {
	s := valid()
	if s.Unit("paris", 3).Agent != "" || s.ListFor("paris") != "x" {
		t.Error("any agent may do a slice of a split job")
	}
	s.Mode, s.Assigned = Assigned, map[string]string{"paris": "y"}
	if s.Unit("paris", 3).Agent != "paris" || s.ListFor("paris") != "y" || s.ListFor("tokyo") != "" {
		t.Error("an assigned slice has its agent")
	}
}
