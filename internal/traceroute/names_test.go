package traceroute

import "testing"

func TestASCIIName(t *testing.T) {
	for host, want := range map[string]string{
		"example.org": "example.org", "Example.ORG.": "example.org.", "bücher.example": "xn--bcher-kva.example",
		"BÜCHER.example": "xn--bcher-kva.example", "例え.テスト": "xn--r8jz45g.xn--zckzah", "_dmarc.example": "_dmarc.example",
		"localhost": "localhost", "a_b": "a_b",
	} {
		if got := asciiName(host); got != want {
			t.Errorf("asciiName(%q) = %q, want %q", host, got, want)
		}
	}
}
