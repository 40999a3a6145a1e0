package all

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/masstrace/masstrace/internal/format"
)

// Files, of a record each, of all formats.
const (
	cycle      = `{"type":"cycle-start","list_name":"default","id":1,"hostname":"vp","start_time":1}` + "\n"
	ours       = cycle + `{"type":"run","run":"01JX"}` + "\n"
	theirs     = `{"type":"cycle-start", "list_name":"default", "id":1, "hostname":"vp", "start_time":1}` + "\n" + `{"type":"trace", "dst":"192.0.2.1"}` + "\n"
	caracalRow = `1640006077,1,::ffff:172.17.0.2,::ffff:1.0.0.1,24000,0,9,1,::ffff:9.9.9.9,1,11,0,250,56,"[]",1234,1` + "\n"
	wartsTrace = "\x12\x05\x00\x06\x00\x00\x00\x10\x80\x80\x80\x20\x00\x06\x04\x01\x01\x02\x03\x04\x00\x00\x00\x00"
	yarrpRow   = "1.2.3.4 1700000000 5 11 0 7 9.9.9.9 1234 17 44 56 250 192 0 17\n"
)

func gzipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return b.String()
}

func zstandard(s string) string {
	var b bytes.Buffer
	z, _ := zstd.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return b.String()
}

func TestFormats(t *testing.T) {
	for _, tt := range []struct {
		in, want string // name of a format
		records  int
	}{
		{ours, "ndjson", 2}, {strings.TrimSpace(ours), "ndjson", 2}, {"\n\n" + ours, "ndjson", 2},
		{strings.TrimPrefix(ours, cycle), "ndjson", 1},
		{theirs, "scamper", 2}, {cycle, "scamper", 1}, {`{"type":"trace"}`, "scamper", 1},
		{cycle + `{"version":"0.1","type":"tracelb"}` + "\n" + cycle, "scamper", 2},
		{wartsTrace, "warts", 1}, {wartsTrace + wartsTrace, "warts", 2},
		{"# yarrp\n" + yarrpRow, "yarrp", 1}, {yarrpRow, "yarrp", 1}, {strings.TrimSpace(yarrpRow), "yarrp", 1},
		{caracalRow, "caracal", 1}, {"capture_timestamp" + strings.Repeat(",x", 16) + "\n" + caracalRow, "caracal", 1},
	} {
		for _, packed := range []string{tt.in, gzipped(tt.in), zstandard(tt.in), gzipped(tt.in[:1]) + gzipped(tt.in[1:])} {
			f, err := New(iotest.OneByteReader(strings.NewReader(packed)))
			if err != nil {
				t.Errorf("%.60q: %v", tt.in, err)
				continue
			}
			n := 0
			for {
				if _, err = f.Read(); err != nil {
					break
				}
				n++
			}
			if err != io.EOF || n != tt.records || f.Name() != tt.want {
				t.Errorf("%.60q is %s of %d records, %v; want %s of %d", tt.in, f.Name(), n, err, tt.want, tt.records)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestUnknown(t *testing.T) {
	for _, in := range []string{"", "\n \n", "hello world\n", "\x00\x01", gzipped(""), zstandard("hello")} {
		if _, err := New(strings.NewReader(in)); !errors.Is(err, format.ErrUnknown) {
			t.Errorf("%q: %v", in, err)
		}
	}
	broken := errors.New("broken")
	if _, err := New(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := New(strings.NewReader("\x1f\x8b\x09no method that gzip has")); err == nil || errors.Is(err, format.ErrUnknown) {
		t.Error(err)
	}
}

// A file that is cut at any octet gives its whole records.
func TestCut(t *testing.T) {
	long := ours + strings.Repeat(`{"type":"reply","probe_dst_addr":"192.0.2.1"}`+"\n", 1000)
	for _, whole := range []string{long, gzipped(long), zstandard(long)} {
		for _, n := range []int{1, 2, 3, 5, 8, 20, len(whole) / 3, len(whole) - 12, len(whole) - 2} {
			f, err := New(strings.NewReader(whole[:n]))
			if errors.Is(err, format.ErrUnknown) && n < 4 {
				continue // it does not look compressed
			}
			if err != nil {
				t.Errorf("%d of %d octets: %v", n, len(whole), err)
				continue
			}
			for err == nil {
				_, err = f.Read()
			}
			if _, again := f.Read(); err != format.ErrCut || again != err {
				t.Errorf("%d of %d octets: %v, then %v", n, len(whole), err, again)
			}
		}
	}
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results")
	if err := os.WriteFile(path, []byte(gzipped(ours)), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, nil)
	if err != nil || f.Name() != "ndjson" || f.Close() != nil {
		t.Error(err)
	}
	if f, err = Open("-", strings.NewReader(yarrpRow)); err != nil || f.Name() != "yarrp" || f.Close() != nil {
		t.Error(err)
	}
	if _, err := Open(filepath.Join(path, "none"), nil); err == nil {
		t.Error("no file, and no error")
	}
	if err := os.WriteFile(path, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, nil); !errors.Is(err, format.ErrUnknown) || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
}
