package account

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/probe"
)

// onlyCounts reports fields of a type that are not counts.
func onlyCounts(t *testing.T, kind reflect.Type, path string) (n int) {
	t.Helper()
	switch kind {
	case reflect.TypeFor[uint64](), reflect.TypeFor[atomic.Uint64]():
		return 1
	}
	switch kind.Kind() {
	case reflect.Array:
		return kind.Len() * onlyCounts(t, kind.Elem(), path+"[]")
	case reflect.Struct:
		for i := range kind.NumField() {
			n += onlyCounts(t, kind.Field(i).Type, path+"."+kind.Field(i).Name)
		}
		return n
	}
	t.Errorf("%s is a %v, not a count: words would take it for one", path, kind)
	return 0
}

// Groups consist of counts alone, so that they can be added as lists.
func TestGroups(t *testing.T) {
	for _, group := range []any{
		Probes{}, FirstAttempts{}, Inbound[uint64]{}, Inbound[atomic.Uint64]{}, Heard[uint64]{}, Live{},
		SilentBy{}, Skipped{}, TTLCounts{}, Rejected[uint64]{},
	} {
		kind := reflect.TypeOf(group)
		if n := onlyCounts(t, kind, kind.Name()); uintptr(n)*8 != kind.Size() {
			t.Errorf("%v has %d counts in %d bytes", kind, n, kind.Size())
		}
	}
}

// fill sets every count of a to a number of its own, from first on.
func fill(a *Account, first uint64) {
	for _, group := range [][]uint64{words(&a.Probes), words(&a.FirstAttempts), words(&a.Inbound)} {
		for i := range group {
			group[i] = first
			first++
		}
	}
	a.ByTTL[0] = TTLCounts{} // TTL 0 is not valid
}

// Add adds every count that there is; TTLs and flows are those of both.
func TestAdd(t *testing.T) {
	var a, b, want Account
	fill(&a, 1)
	fill(&b, 10_000)
	a.TTLs, b.TTLs, a.Flows, b.Flows = 32, 32, 2, 2
	want = a
	for _, pair := range [][2][]uint64{
		{words(&want.Probes), words(&b.Probes)},
		{words(&want.FirstAttempts), words(&b.FirstAttempts)},
		{words(&want.Inbound), words(&b.Inbound)},
	} {
		for i := range pair[0] {
			pair[0][i] += pair[1][i]
		}
	}
	want.TTLs, want.Flows = 32, 2
	a.Add(&b)
	if diff := cmp.Diff(want, a); diff != "" {
		t.Error(diff)
	}
	var empty Account
	empty.Add(&b)
	if diff := cmp.Diff(b, empty); diff != "" {
		t.Errorf("the sum of nothing and an account: %s", diff)
	}
}

// An account survives JSON, and each of its counts has a name there.
func TestJSON(t *testing.T) {
	var a, again Account
	fill(&a, 1)
	text, err := json.Marshal(&a)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, again); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(string(text), `:0`) {
		t.Errorf("a count was lost: %s", text)
	}
	for _, text := range []string{`[{"ttl":0,"sent":1}]`, `[{"ttl":64,"sent":1}]`, `{}`} {
		if err := json.Unmarshal([]byte(`{"by_ttl":`+text+`}`), &again); err == nil {
			t.Errorf("by_ttl %s was taken", text)
		}
	}
}

// Load gives the counts of a live account, and Minus is the inverse of Plus.
func TestHeard(t *testing.T) {
	var l Live
	for i, n := 0, words(&l); i < len(n); i++ {
		n[i] = uint64(i + 1)
	}
	h := Load(&l)
	if h.Frames != 1 || h.LateAt[probe.MaxTTL] != uint64(len(words(&h))) {
		t.Errorf("Load = %+v", h)
	}
	sum := h
	Plus(&sum, &h)
	Minus(&sum, &h)
	if sum != h {
		t.Errorf("Plus and Minus leave %+v", sum)
	}
	var a Account
	a.Hear(&h)
	if a.Inbound != h.Inbound || a.ByTTL[0].Late != 0 || a.ByTTL[9].Late != h.LateAt[9] {
		t.Errorf("Hear = %+v", a)
	}
}

func TestReasons(t *testing.T) {
	s := Skipped{Loop: 3}
	want := Reason{Name: "loop", Words: "beyond a loop of routers", N: 3}
	if list := Reasons(&s); list[2] != want || len(list) != reflect.TypeFor[Skipped]().NumField() {
		t.Errorf("Reasons = %v", list)
	}
	for _, r := range Reasons(&s) {
		if r.Name == "" || r.Words == "" {
			t.Errorf("a reason lacks its name or words: %+v", r)
		}
	}
}
