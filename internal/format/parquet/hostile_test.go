package parquet

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/record"
)

// placed is how errors name the place of a fault.
var placed = regexp.MustCompile(`(byte|row group) \d+|column \w+`)

// A file that is cut anywhere is refused, with the place. Its end has the places of all data.
func TestCut(t *testing.T) {
	file := write(t, "", samples())
	for n := range len(file) {
		list, err := read(NewReader(bytes.NewReader(file[:n])))
		if err == nil || len(list) != 0 {
			t.Fatalf("%d of %d bytes: %d records, %v", n, len(file), len(list), err)
		}
		if !strings.Contains(err.Error(), "byte ") {
			t.Fatalf("%d of %d bytes: %v", n, len(file), err)
		}
	}
}

// A file with wrong octets gives the records before them, then an error or other values. It needs
// little memory.
func TestCorrupt(t *testing.T) {
	file := write(t, "", append(samples(), traces(300, 6)...))
	rng := rand.New(rand.NewPCG(effort.Seed(t), 1))
	var before, after runtime.MemStats
	for range effort.Count(700, 200_000) {
		bad := bytes.Clone(file)
		for range 1 + rng.IntN(4) {
			at := rng.IntN(len(bad))
			if rng.IntN(2) == 0 {
				at = len(bad) - 1 - rng.IntN(min(len(bad), 9000)) // in the footer
			}
			bad[at] = byte(rng.Uint32())
		}
		runtime.ReadMemStats(&before)
		_, err := read(NewReader(bytes.NewReader(bad)))
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > mostMemory {
			t.Fatalf("%d bytes were allocated: %v", n, err)
		}
		if err != nil && !placed.MatchString(err.Error()) {
			t.Fatalf("an error without a place: %v", err)
		}
	}
}

// The checksum of a page finds a wrong octet in it; traces of row groups before are read.
func TestChecksum(t *testing.T) {
	file := write(t, "", samples())
	found := 0
	for at := len(magic); at < len(file)/2; at += 7 {
		bad := bytes.Clone(file)
		bad[at] ^= 1
		if _, err := read(NewReader(bytes.NewReader(bad))); err != nil && strings.Contains(err.Error(), "row group 0") &&
			strings.Contains(err.Error(), "checksum") {
			found++
		}
	}
	if found < 10 {
		t.Errorf("a checksum found %d wrong octets", found)
	}
}

// A run of a page may claim any number of values: it costs nothing.
func TestRuns(t *testing.T) {
	for _, tt := range []struct {
		name  string
		in    []byte
		width uint
		want  []uint32 // then it ends
	}{
		{"nothing", nil, 3, nil},
		{"a run", []byte{3 << 1, 5}, 3, []uint32{5, 5, 5}},
		{"of no bits", []byte{2 << 1}, 0, []uint32{0, 0}},
		{"packed", []byte{1<<1 | 1, 0x88, 0xc6, 0xfa}, 3, []uint32{0, 1, 2, 3, 4, 5, 6, 7}},
		{"both, with empty ones", []byte{0, 7, 1, 1 << 1, 6, 1<<1 | 1, 0x88, 0xc6, 0xfa}, 3, []uint32{6, 0, 1, 2, 3, 4, 5, 6, 7}},
		{"packed and cut", []byte{1<<1 | 1, 0x88}, 3, []uint32{0, 1}},
		{"a run too long", []byte{0xff, 0xff, 0xff, 0xff, 0xfe, 1}, 3, nil},
		{"a value cut", []byte{2, 1}, 9, nil},
		{"32 bits", []byte{1 << 1, 1, 2, 3, 0xff}, 32, []uint32{0xff030201}},
	} {
		for skip := 0; skip <= len(tt.want); skip++ {
			r := runs{b: tt.in, width: tt.width}
			if !r.skip(int64(skip)) {
				t.Errorf("%s: cannot skip %d", tt.name, skip)
			}
			for i, want := range tt.want[skip:] {
				if v, ok := r.next(); v != want || !ok {
					t.Errorf("%s, after %d: value %d is %d, %t; want %d", tt.name, skip, i, v, ok, want)
				}
			}
			if v, ok := r.next(); ok {
				t.Errorf("%s: one more, %d", tt.name, v)
			}
		}
	}
	// Runs of 2²³ ones each.
	long := runs{b: bytes.Repeat([]byte{0x80, 0x80, 0x80, 0x08, 1}, 1000), width: 1}
	if !long.skip(1000<<23) || long.skip(1) {
		t.Error("runs of many values")
	}
}

// Structures that claim more than they have are refused, and cost nothing.
func TestThrift(t *testing.T) {
	for _, in := range []string{
		"",
		"\x15",                           // a field cut
		"\x19\xfc\xff\xff\xff\xff\x0f",   // a list of 2³² structures
		"\x18\xff\xff\xff\xff\x0f",       // a text of 2³² octets
		"\x1b\xff\xff\xff\xff\x0f\x88",   // a map
		"\x1d\x00",                       // no type
		strings.Repeat("\x1c", 1000),     // structures in structures
		strings.Repeat("\x19\x19", 1000), // lists in lists
		"\x15\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00", // a number of too many octets
	} {
		c := compact{b: []byte(in)}
		c.fields(thriftStruct, func(_ int, typ byte) { c.skip(typ) })
		if !errors.Is(c.err, errThrift) {
			t.Errorf("%.20q: %v", in, c.err)
		}
	}
}

// Files of other tables, of newer versions and of other programs are refused by name.
func TestRefuses(t *testing.T) {
	for _, table := range Tables[1:] {
		_, err := read(NewReader(bytes.NewReader(write(t, table, samples()))))
		if err == nil || !strings.Contains(err.Error(), table) || !placed.MatchString(err.Error()) {
			t.Errorf("table %s: %v", table, err)
		}
	}
	if _, _, err := records(map[string]string{keySchema: "2"}); err == nil || !strings.Contains(err.Error(), `"2"`) {
		t.Error(err)
	}
	if _, _, err := records(map[string]string{keyRun: "{"}); err == nil || !strings.Contains(err.Error(), keyRun) {
		t.Error(err)
	}
	w := NewWriter(formatOutput("nodes"))
	if err := w.Write(&record.Run{}); err == nil || !strings.Contains(err.Error(), "nodes") {
		t.Error(err)
	}
}

// FuzzReader reads anything: it ends, and needs no more memory than a Reader may.
func FuzzReader(f *testing.F) {
	f.Add([]byte(magic + magic))
	f.Add(write(f, "", samples()))
	f.Add(write(f, "", traces(20, 3)))
	f.Add(write(f, tableLinks, traces(2, 3)))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := NewReaderAt(bytes.NewReader(in), int64(len(in)))
		list, err := read(r)
		if r.u.memory > mostMemory+longestPage || len(list) > mostRows*len(in)+8 {
			t.Fatalf("%d records, %d bytes: %v", len(list), r.u.memory, err)
		}
		if err != nil && !placed.MatchString(err.Error()) {
			t.Fatalf("an error without a place: %v", err)
		}
		if _, again := r.Read(); again == nil {
			t.Fatal("a record after the end")
		}
	})
}

// Small files claim much: each is refused before memory is made for it.
func TestClaims(t *testing.T) {
	file := write(t, "", traces(50, 3))
	whole, err := readFooter(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	for name, claim := range map[string]func(f *footer){
		"rows":         func(f *footer) { f.groups[0].rows = 1 << 40 },
		"negative":     func(f *footer) { f.groups[0].rows = -1 },
		"two groups":   func(f *footer) { f.groups = append(f.groups, group{rows: 1 << 62, chunks: f.groups[0].chunks}) },
		"beyond":       func(f *footer) { f.groups[0].chunks[3].end = 1 << 50 },
		"before":       func(f *footer) { f.groups[0].chunks[3].begin = -5 },
		"fewer chunks": func(f *footer) { f.groups[0].chunks = f.groups[0].chunks[1:] },
	} {
		bad := *whole
		bad.groups = []group{{rows: whole.groups[0].rows, chunks: append([]chunk{}, whole.groups[0].chunks...)}}
		claim(&bad)
		if err := bad.check(int64(len(file)), int64(len(file))); err == nil || !strings.Contains(err.Error(), "row group") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, h := range map[string]pageHeader{
		"packed":   {packed: 101},
		"negative": {packed: -1},
		"unpacked": {unpacked: longestPage + 1},
		"values":   {values: mostValues + 1},
		"levels":   {packed: 9, unpacked: 9, defLen: 5, repLen: 5},
	} {
		if h.check(100) == nil {
			t.Errorf("%s: %+v is taken", name, h)
		}
	}
	u := unpacker{in: bytes.NewReader([]byte{0}), memory: mostMemory}
	if _, err := u.page(&pageHeader{packed: 1, unpacked: 1}, 0, codecNone, nil); err == nil || !strings.Contains(err.Error(), "need more than") {
		t.Error(err)
	}
}

// A page that unpacks to more than it claims is refused, and needs no more room than that.
func TestBomb(t *testing.T) {
	pack, err := zstd.NewWriter(nil, zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	unpack, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(longestPage), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 32<<20)
	for codec, packed := range map[int][]byte{
		codecZstd: pack.EncodeAll(zeros, nil), codecSnappy: snappy.Encode(nil, zeros), codecNone: zeros,
	} {
		u := unpacker{in: bytes.NewReader(packed), zstd: unpack}
		h := pageHeader{packed: int64(len(packed)), unpacked: 1000}
		page, err := u.page(&h, 0, codec, nil)
		if err == nil || cap(page) > 1000 || u.memory > 1000 {
			t.Errorf("codec %d: %d bytes, %v", codec, cap(page), err)
		}
	}
	u := unpacker{in: bytes.NewReader(zeros)}
	if _, err := u.page(&pageHeader{packed: 10, unpacked: 10}, 0, 4, nil); err == nil || !strings.Contains(err.Error(), "codec 4") {
		t.Error(err)
	}
}

// A page whose header alone claims many octets is refused without room for them. One whose frame
// states no size is read.
func TestClaimedPage(t *testing.T) {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(longestPage), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("a page of some octets "), 200_000)
	var stream bytes.Buffer // its frame has no size
	w, err := zstd.NewWriter(&stream, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	for part := range slices.Chunk(content, 100_000) {
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	small := content[:1000]
	for _, tt := range []struct {
		name            string
		codec           int
		packed          []byte
		unpacked, spent int // octets
		want            []byte
	}{
		{"plain", codecNone, small, longestPage, 1000, nil},
		{"snappy", codecSnappy, snappy.Encode(nil, small), longestPage, 1000, nil},
		{"zstd", codecZstd, w.EncodeAll(small, nil), longestPage, 1000, nil},
		{"zstd of no size", codecZstd, stream.Bytes(), longestPage, 4 * len(content), nil},
		{"zstd of two frames", codecZstd, append(w.EncodeAll(nil, nil), stream.Bytes()...), len(content), len(content), content},
		{"zstd of no size, valid", codecZstd, stream.Bytes(), len(content), len(content), content},
	} {
		u := unpacker{in: bytes.NewReader(tt.packed), zstd: decoder}
		page, err := u.page(&pageHeader{packed: int64(len(tt.packed)), unpacked: int64(tt.unpacked)}, 0, tt.codec, nil)
		if u.memory > int64(tt.spent) || (err == nil) != (tt.want != nil) || err == nil && !bytes.Equal(page, tt.want) {
			t.Errorf("%s: %d bytes of room, %v", tt.name, u.memory, err)
		}
	}
}
