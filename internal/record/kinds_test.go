package record

import "testing"

func TestKinds(t *testing.T) {
	for _, tt := range []struct {
		kinds           Kinds
		name            string
		traces, replies bool
	}{
		{Traces, "trace", true, false}, {Replies, "reply", false, true}, {Both, "both", true, true},
	} {
		if got, err := ParseKinds(tt.name); err != nil || got != tt.kinds || got.String() != tt.name {
			t.Errorf("ParseKinds(%q) = %v, %v", tt.name, got, err)
		}
		if tt.kinds.Has(Traces) != tt.traces || tt.kinds.Has(Replies) != tt.replies {
			t.Errorf("%v has traces %t, replies %t", tt.kinds, tt.kinds.Has(Traces), tt.kinds.Has(Replies))
		}
	}
	for _, name := range []string{"", "hops", "traces"} {
		if _, err := ParseKinds(name); err == nil {
			t.Errorf("ParseKinds took %q", name)
		}
	}
}
