package plan

import (
	"encoding/json"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// set sets a value to something that is not its zero value.
func set(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Interface().(type) {
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.MustParseAddr("192.0.2.9")))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint8, reflect.Uint16, reflect.Uint64:
		v.SetUint(7)
	case reflect.Float64:
		v.SetFloat(7)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	default:
		t.Fatalf("a field of type %v", v.Type())
	}
}

// fields calls f for every plain field of a struct, also of those inside.
func fields(v reflect.Value, f func(name string, v reflect.Value)) {
	for i := range v.NumField() {
		if field := v.Field(i); field.Kind() == reflect.Struct && field.Type() != reflect.TypeFor[netip.Addr]() {
			fields(field, f)
		} else {
			f(v.Type().Field(i).Name, field)
		}
	}
}

// identity are the fields that may differ between the processes of a run, or are compared
// by other means; all others must be options.
var identity = []string{
	"Masstrace", "Run", "Hostname", "StartNS", "Tool", "Argv", "Link", "IO", // vantage point and time
	"Source4", "Source6", "Avoid", "ExcludeSHA256", // compared elsewhere
	"Names",                                                                   // whose addresses are targets
	"Targets", "First", "OnDemand", "Attempts", "Unlinked", "ExtensionOctets", // of windows, which a resumed run keeps
}

// Every field of Params is an option, which a resume compares, or describes the vantage
// point and the time.
func TestOptions(t *testing.T) {
	var p Params
	fields(reflect.ValueOf(&p).Elem(), func(name string, v reflect.Value) {
		was := p
		set(t, v)
		changed := len(Differ(&was, &p)) + len(Changed(&was, &p))
		if known := slices.Contains(identity, name); (changed == 1) == known || changed > 1 {
			t.Errorf("%s: %d options see it change; it is one of the run's identity: %v", name, changed, known)
		}
	})
}

// Params survives JSON.
func TestParamsJSON(t *testing.T) {
	var p, again Params
	fields(reflect.ValueOf(&p).Elem(), func(_ string, v reflect.Value) { set(t, v) })
	text, err := json.Marshal(&p)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, again, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

// A resumed run may change its pace, and the record has it.
func TestChanged(t *testing.T) {
	was := Params{RatePPS: 10, Senders: 1}
	now := was
	now.RatePPS, now.Senders, now.PrefixRate, now.PerHopRate, now.WaitNS = 20, 2, 5, 6, 1e9
	changed := Changed(&was, &now)
	want := []string{"per_hop_rate", "prefix_rate", "rate_pps", "senders", "wait_s"}
	if names := slices.Sorted(maps.Keys(changed)); !slices.Equal(names, want) {
		t.Errorf("changed %v, want %v", names, want)
	}
	if c := changed["rate_pps"]; c.Was != 10.0 || c.Now != 20.0 {
		t.Errorf("rate %+v", c)
	}
	if differ := Differ(&was, &now); len(differ) > 0 {
		t.Errorf("they must not differ in %v", differ)
	}
	now.Overlap = 5
	if differ := Differ(&was, &now); len(differ) != 1 || differ[0] != (Difference{"Overlap", 0, 5}) {
		t.Errorf("differ %v", differ)
	}
}

// No number in a header decides how much memory a replay takes.
func TestValidate(t *testing.T) {
	good := func() Params {
		var p Params
		p.Shape.FirstTTL, p.Shape.LastTTL, p.Shape.Flows, p.Shape.Attempts, p.Shape.Targets = 1, 32, 1, 1, 64
		return p
	}
	if p := good(); p.Validate() != nil {
		t.Errorf("Validate = %v", p.Validate())
	}
	for name, change := range map[string]func(*Params){
		"no targets":         func(p *Params) { p.Shape.Targets = 0 },
		"targets":            func(p *Params) { p.Shape.Targets = 1 << 40 },
		"product overflows":  func(p *Params) { p.Shape.Targets, p.Shape.Flows = 1<<58, 1<<14 },
		"negative":           func(p *Params) { p.Shape.Targets = -1 },
		"flows":              func(p *Params) { p.Shape.Flows = 1 << 20 },
		"no flow":            func(p *Params) { p.Shape.Flows = 0 },
		"attempts":           func(p *Params) { p.Shape.Attempts = 5 },
		"many attempts":      func(p *Params) { p.Shape.Attempts = 257 },
		"TTL 0":              func(p *Params) { p.Shape.FirstTTL = 0 },
		"TTL 64":             func(p *Params) { p.Shape.LastTTL = 64 },
		"TTLs in disorder":   func(p *Params) { p.Shape.FirstTTL, p.Shape.LastTTL = 9, 8 },
		"room for copies":    func(p *Params) { p.Shape.Unlinked = 1 << 40 },
		"negative room":      func(p *Params) { p.Shape.Unlinked = -1 },
		"slots on demand":    func(p *Params) { p.Shape.OnDemand = 1 << 20 },
		"no slots on demand": func(p *Params) { p.Shape.OnDemand = -1 },
		"flows on demand":    func(p *Params) { p.Shape.OnDemand, p.Shape.Flows = 100, 1025 },
		"many on demand":     func(p *Params) { p.Shape.OnDemand, p.Shape.Targets = 4096, 1<<20 },
		"room for extension": func(p *Params) { p.Shape.ExtensionOctets = 1 << 40 },
	} {
		p := good()
		change(&p)
		if p.Validate() == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
