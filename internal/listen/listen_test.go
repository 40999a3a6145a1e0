package listen

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

func TestAddress(t *testing.T) {
	for text, want := range map[string]string{
		"9100": "127.0.0.1:9100", ":9100": "127.0.0.1:9100", "0.0.0.0:9100": "0.0.0.0:9100", "[::1]:9100": "[::1]:9100",
		"host.example:http": "host.example:http", "": "", "host": "", "host:": "", "1.2.3.4:99999": "", "-1": "",
	} {
		got, err := Address(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Address(%q) = %q, %v, want %q", text, got, err, want)
		}
	}
}

// A port that another program has is named with what to do.
func TestPortInUse(t *testing.T) {
	first, err := TCP(t.Context(), "0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, err := TCP(t.Context(), first.Addr().String())
	if err == nil {
		second.Close()
	}
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "choose another one") {
		t.Errorf("a port in use: %v", err)
	}
}
