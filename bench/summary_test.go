package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func TestReadSummary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records")
	tests := []struct {
		name, in string
		want     int // 0 for an error
	}{
		{"last but one", `{"type":"trace"}` + "\n" + `{"type":"summary","sent":7}` + "\n" + `{"type":"cycle-stop"}` + "\n", 7},
		{"after many records", strings.Repeat("{\"type\":\"trace\"}\n", summaryRoom/10) + `{"type":"summary","sent":9}`, 9},
		{"empty", "", 0},
		{"killed", `{"type":"trace"}` + "\n", 0},
		{"cut", `{"type":"summary","se`, 0},
	}
	for _, tt := range tests {
		must(t, os.WriteFile(path, []byte(tt.in), 0o600))
		var s struct{ Sent int }
		if err := ReadSummary(path, &s); s.Sent != tt.want || (err == nil) != (tt.want > 0) {
			t.Errorf("%s: %d, %v; want %d", tt.name, s.Sent, err, tt.want)
		}
		z, err := zstd.NewWriter(nil)
		must(t, err)
		must(t, os.WriteFile(path+".zst", z.EncodeAll([]byte(tt.in), nil), 0o600))
		s.Sent = 0
		if err := ReadSummary(path+".zst", &s); s.Sent != tt.want || (err == nil) != (tt.want > 0) {
			t.Errorf("%s, compressed: %d, %v; want %d", tt.name, s.Sent, err, tt.want)
		}
	}
	if err := ReadSummary(path+".not", new(int)); err == nil {
		t.Error("no error for a file that is not there")
	}
}
