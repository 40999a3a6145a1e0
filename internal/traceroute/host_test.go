package traceroute

import (
	"errors"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/plan"
)

func TestPlainHost(t *testing.T) {
	for _, tt := range []struct{ host, want, fault string }{
		{"192.0.2.1", "192.0.2.1", ""}, {"example.com", "example.com", ""}, {"2a00::1", "2a00::1", ""}, {"[2a00::1]", "2a00::1", ""},
		{"fe80::1%lo", "fe80::1%lo", ""}, {"a:b", "a:b", ""}, {"7zip", "7zip", ""},
		{"45.150.1.0/24", "", "use masstrace scan 45.150.1.0/24"}, {"2a00::/48", "", "use masstrace scan"},
		{"https://example.com/x?y", "", "give its host, example.com"}, {"http://[2a00::1]:80/", "", "give its host, 2a00::1"},
		{"45.150.1.206:80", "", "use masstrace trace -p 80 45.150.1.206"}, {"[2a00::1]:443", "", "-p 443 2a00::1"},
		{"example.com:53", "", "-p 53 example.com"}, {"60", "", "the length of probes"},
	} {
		got, err := plainHost(tt.host)
		refused := new(plan.ConfigError)
		if got != tt.want || (err == nil) != (tt.fault == "") || err != nil && (!strings.Contains(err.Error(), tt.fault) || !errors.As(err, &refused) || refused.Field != "Hosts") {
			t.Errorf("%s: %q, %v; want %q, %q", tt.host, got, err, tt.want, tt.fault)
		}
	}
}
