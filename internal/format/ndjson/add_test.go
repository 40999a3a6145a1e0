package ndjson

import (
	"net/netip"
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

// The routers of two lists are one list, the most silent first, which says when it
// is cut.
func TestSummaryAddLimited(t *testing.T) {
	router := func(i int, silent uint64, ttls ...int) LimitedRouter {
		return LimitedRouter{Addr: netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), TTLs: ttls, Answered: 1, Silent: silent}
	}
	var s Summary
	s.SetLimited([]LimitedRouter{router(1, 5, 4), router(2, 7, 3)}, false)
	s.Add(&Summary{LimitedRouters: []LimitedRouter{router(3, 6, 9), router(1, 5, 2, 4)}})
	sum := router(1, 10, 2, 4)
	sum.Answered = 2
	want := []LimitedRouter{sum, router(2, 7, 3), router(3, 6, 9)}
	if !reflect.DeepEqual(s.LimitedRouters, want) || s.LimitedRoutersCut {
		t.Errorf("%+v, cut %t; want %+v", s.LimitedRouters, s.LimitedRoutersCut, want)
	}
	var many []LimitedRouter
	for i := range MostLimited {
		many = append(many, router(100+i, 8, 1))
	}
	s.Add(&Summary{LimitedRouters: many})
	n := len(s.LimitedRouters)
	if n != MostLimited || !s.LimitedRoutersCut || !reflect.DeepEqual(s.LimitedRouters[0], sum) || s.LimitedRouters[n-1].Silent != 8 {
		t.Errorf("%d routers, cut %t: %+v", n, s.LimitedRoutersCut, s.LimitedRouters)
	}
}
