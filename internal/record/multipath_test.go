package record

import (
	"slices"
	"testing"
)

func TestMultipathNames(t *testing.T) {
	for _, m := range []MDA{Lite, Full} {
		if got, err := ParseMDA(m.String()); err != nil || got != m {
			t.Errorf("ParseMDA(%q) = %v, %v", m, got, err)
		}
	}
	for k := PerFlow; k <= PerDestination; k++ {
		if got, err := ParseBalancerKind(k.String()); err != nil || got != k {
			t.Errorf("ParseBalancerKind(%q) = %v, %v", k, got, err)
		}
	}
	for s := BalancerComplete; s <= BalancerUnfinished; s++ {
		if got, err := ParseBalancerState(s.String()); err != nil || got != s {
			t.Errorf("ParseBalancerState(%q) = %v, %v", s, got, err)
		}
	}
	if _, err := ParseMDA("none"); err == nil {
		t.Error("ParseMDA took an unknown name")
	}
	if got := BalancerState(99).String(); got != "" {
		t.Errorf("an unknown state has the name %q", got)
	}
}

func TestHashFields(t *testing.T) {
	for h := range Examined {
		h |= Examined
		names := h.Names()
		if got, err := ParseHashFields(names); names == nil || err != nil || got != h {
			t.Errorf("ParseHashFields(%q) = %b, %v, want %b", names, got, err, h)
		}
	}
	if names := HashTOS.Names(); names != nil {
		t.Errorf("fields that were not examined have the names %q", names)
	}
	if got := (Examined | HashSourcePort | HashTOS).Names(); !slices.Equal(got, []string{"sport", "tos"}) {
		t.Errorf("Names = %q", got)
	}
	if _, err := ParseHashFields([]string{"ttl"}); err == nil {
		t.Error("ParseHashFields took an unknown field")
	}
}
