package lab

import (
	"os"
	"testing"
)

// In a lab without a name server, look-ups fail at once, and the files outside stay as they are.
func TestResolver(t *testing.T) {
	before, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		t.Logf("no file to replace: %v", err)
		return
	}
	out, status, err := runOut(t, Config{Command: sh("grep -c '^nameserver 127.0.0.1' /etc/resolv.conf; ls /run/netns; test -w /etc/resolv.conf")})
	if status != 0 || err != nil || out != "1\n" {
		t.Errorf("status %d, %q, %v; want one name server", status, out, err)
	}
	after, err := os.ReadFile("/etc/resolv.conf")
	if err != nil || string(after) != string(before) {
		t.Errorf("outside, resolv.conf is %q (%v), and was %q", after, err, before)
	}
}

func TestDNSOnly(t *testing.T) {
	for text, want := range map[string]string{
		"": "\nhosts: files dns\n",
		"passwd: files\nhosts: files resolve [!UNAVAIL=return] dns\n# hosts: x\n": "passwd: files\n# hosts: x\nhosts: files dns\n",
		"passwd: files": "passwd: files\nhosts: files dns\n",
	} {
		if got := dnsOnly(text); got != want {
			t.Errorf("dnsOnly(%q) = %q, want %q", text, got, want)
		}
	}
}
