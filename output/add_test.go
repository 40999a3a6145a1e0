package output

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Add adds every count there is.
func TestSummaryAdd(t *testing.T) {
	var s, o Summary
	each := func(v *Summary, do func(name string, field reflect.Value)) {
		var walk func(name string, v reflect.Value)
		walk = func(name string, v reflect.Value) {
			for i := range v.NumField() {
				f, name := v.Field(i), name+"."+v.Type().Field(i).Name
				switch f.Kind() {
				case reflect.Struct:
					walk(name, f)
				case reflect.Uint64:
					do(name, f)
				}
			}
		}
		walk("Summary", reflect.ValueOf(v).Elem())
	}
	n := uint64(0)
	each(&s, func(_ string, f reflect.Value) { n++; f.SetUint(n) })
	each(&o, func(_ string, f reflect.Value) { f.SetUint(1000) })
	s.ElapsedS, o.ElapsedS = 1.5, 2
	s.Add(&o)
	n = 0
	each(&s, func(name string, f reflect.Value) {
		n++
		want := n + 1000
		if name == "Summary.TTLs" || name == "Summary.Flows" {
			want = n
		}
		if f.Uint() != want {
			t.Errorf("%s is %d, want %d", name, f.Uint(), want)
		}
	})
	if s.ElapsedS != 3.5 {
		t.Errorf("elapsed_s is %v, want 3.5", s.ElapsedS)
	}
	by := func(ttl uint8, n uint64) ByTTL {
		return ByTTL{TTL: ttl, Sent: n, Answered: n, Silent: n, SilentBy: SilentBy{n, n, n}, Late: n, TxErrors: n}
	}
	got := addByTTL([]ByTTL{by(1, 1), by(7, 2)}, []ByTTL{by(3, 10), by(7, 20)})
	if diff := cmp.Diff([]ByTTL{by(1, 1), by(3, 10), by(7, 22)}, got); diff != "" {
		t.Errorf("by TTL (-want +got):\n%s", diff)
	}
	sum := testSummary()
	sum.Add(testSummary())
	if err := sum.Balance(); err != nil {
		t.Error(err)
	}
}
