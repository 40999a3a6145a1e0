package effort

import (
	"strings"
	"testing"
)

func TestCount(t *testing.T) {
	t.Setenv(envSoak, "")
	if n := Count(3, 100); n != 3 || Soaking() {
		t.Errorf("Count = %d, want 3", n)
	}
	t.Setenv(envSoak, "1")
	if n := Count(3, 100); n != 100 || !Soaking() {
		t.Errorf("Count = %d at full counts, want 100", n)
	}
}

func TestSeed(t *testing.T) {
	t.Setenv(envSeed, "")
	t.Setenv(envSoak, "")
	if first, again := Seed(t), Seed(t); first != again {
		t.Error("a normal run does not repeat another")
	}
	t.Setenv(envSoak, "1")
	if first, again := Seed(t), Seed(t); first == again {
		t.Error("twice the same seed at full counts")
	}
	t.Setenv(envSeed, "18446744073709551615")
	if seed := Seed(t); seed != 1<<64-1 {
		t.Errorf("Seed = %d, want the one that is set", seed)
	}
	if text, err := Text("usual"); err != nil || text != "usual-18446744073709551615" {
		t.Errorf("Text = %q, %v; want the seed that is set", text, err)
	}
	if first, again := Rand(t).Uint64(), Rand(t).Uint64(); first != again {
		t.Error("two generators of one seed differ")
	}
}

func TestText(t *testing.T) {
	t.Setenv(envSeed, "")
	t.Setenv(envSoak, "")
	if text, err := Text("usual"); err != nil || text != "usual" {
		t.Errorf("Text = %q, %v; want the usual one in a normal run", text, err)
	}
	t.Setenv(envSoak, "1")
	if text, err := Text("usual"); err != nil || !strings.HasPrefix(text, "usual-") {
		t.Errorf("Text = %q, %v at full counts", text, err)
	}
	t.Setenv(envSeed, "none")
	if text, err := Text("usual"); err == nil {
		t.Errorf("Text = %q of a seed that is no number", text)
	}
}
