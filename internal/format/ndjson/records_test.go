package ndjson

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/trace"
)

// scamperKeys are all that strict readers of scamper's trace records take: the
// parameters of WartsTrace in traceutils, which bdrmapIT uses.
var scamperKeys = strings.Fields(`type version userid method src dst icmp_sum stop_reason stop_data start
	hop_count attempts hoplimit firsthop wait wait_probe tos probe_size probe_count hops list_name id hostname
	start_time dport sport rtr`)

// scamperRanges are the most that such readers take without an error.
var scamperRanges = map[string]int64{
	"hoplimit": 255, "firsthop": 255, "probe_size": 65535, "probe_count": 1<<32 - 1, "wait_probe": 1<<31 - 1,
	"probe_ttl": 255, "reply_ttl": 255, "reply_size": 65535, "icmp_type": 255, "icmp_code": 255,
	"icmp_q_ttl": 255, "icmp_q_ipl": 1<<31 - 1, "icmp_nhmtu": 1<<31 - 1, "reply_ipid": 1<<31 - 1,
}

// check reports the errors of a line.
func check(text []byte) error {
	var object map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&object); err != nil {
		return err
	}
	if err := checkNumbers(object); err != nil {
		return err
	}
	var line any
	switch object["type"] {
	case TypeTrace:
		line = new(TraceLine)
		if err := checkScamper(object); err != nil {
			return err
		}
	case TypeTraceExt:
		line = new(ExtLine)
	case TypeMultipath:
		line = new(MultipathLine)
	case TypeReply:
		line = new(ReplyLine)
	case TypeChange:
		line = new(ChangeLine)
	case TypeFollowed:
		line = new(followedLine)
	}
	// The types that are read know every key that is written.
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	return strict.Decode(line)
}

func checkScamper(object map[string]any) error {
	for key := range object {
		if !slices.Contains(scamperKeys, key) {
			return fmt.Errorf("key %q is not scamper's", key)
		}
	}
	parts := []map[string]any{object}
	for _, h := range object["hops"].([]any) {
		hop := h.(map[string]any)
		if _, ok := hop["family"]; ok {
			return fmt.Errorf("a hop has the key family")
		}
		parts = append(parts, hop)
	}
	for _, part := range parts {
		for key, most := range scamperRanges {
			if n, ok := part[key].(json.Number); ok {
				if v, err := n.Int64(); err != nil || v < 0 || v > most {
					return fmt.Errorf("%s = %v, above %d", key, n, most)
				}
			}
		}
	}
	return nil
}

// checkNumbers wants every integer below 2⁵³.
func checkNumbers(v any) error {
	switch v := v.(type) {
	case map[string]any:
		for key, part := range v {
			if err := checkNumbers(part); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
	case []any:
		for _, part := range v {
			if err := checkNumbers(part); err != nil {
				return err
			}
		}
	case json.Number:
		if n, err := v.Int64(); err == nil && (n >= 1<<53 || n <= -1<<53) {
			return fmt.Errorf("%d is not below 2⁵³", n)
		}
	}
	return nil
}

func TestRecordsAreStrict(t *testing.T) {
	for _, s := range append(samples(), sampleAnnotated()) {
		got := written(t, testConfig, func(w *Writer) { writeSample(t, w, s) })
		for line := range bytes.Lines(got) {
			if err := check(line); err != nil {
				t.Errorf("%s: %v: %s", s.name, err, line)
			}
		}
	}
	for line := range bytes.Lines(multipathLines(t)) {
		if err := check(line); err != nil {
			t.Errorf("%v: %s", err, line)
		}
	}
}

// random fills v, a struct, with random values of its fields' types.
func random(r *rand.Rand, v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Struct:
			random(r, f)
		case reflect.Bool:
			f.SetBool(r.IntN(2) == 0)
		case reflect.Uint8, reflect.Uint16, reflect.Uint32:
			f.SetUint(r.Uint64() >> r.IntN(64) & (1<<f.Type().Bits() - 1))
		case reflect.Array:
			for j := range f.Len() {
				f.Index(j).SetUint(r.Uint64() & 0xff)
			}
		}
	}
}

// randomTrace returns a closed trace of any content that could come about.
func randomTrace(r *rand.Rand, ext []byte) *record.Trace {
	var t record.Trace
	random(r, reflect.ValueOf(&t.Head).Elem())
	t.Method = probe.Method(r.IntN(4))
	t.ProbeSize, t.MaxTTL, t.Attempts = r.IntN(1<<17), uint8(1+r.IntN(63)), uint8(1+r.IntN(4))
	if r.IntN(2) == 0 {
		t.Target = probe.Addr4From([4]byte(t.Target[:4]))
	}
	t.Start = r.Int64N(1 << 62)
	for ttl := range uint8(r.IntN(20)) {
		var h record.Hop
		random(r, reflect.ValueOf(&h.Facts).Elem())
		h.TTL, h.Attempt, h.Mangled = ttl, uint8(r.IntN(4)), h.Mangled&(probe.MangledPayload<<1-1)
		h.Valid, h.Kind = probe.Validity(r.IntN(3)), probe.Kind(r.IntN(20))
		h.Protocol = []uint8{1, 6, 17, 58}[r.IntN(4)]
		h.Stamp, h.Sent, h.RTT = r.Int64N(1<<62), r.Int64N(1<<62)*r.Int64N(2), r.Int64N(1<<51)-1<<50
		h.Dup, h.Late = r.IntN(3), r.IntN(2) == 0
		if r.IntN(2) == 0 {
			h.Responder = probe.Addr4From([4]byte(h.Responder[:4]))
		}
		h.Ext = ext
		t.Hops = append(t.Hops, h)
		t.Silent = append(t.Silent, record.TTLAttempt{TTL: ttl, Attempt: 3})
	}
	trace.Close(&t)
	for ttl := range uint8(r.IntN(4)) {
		t.Inferred = append(t.Inferred, record.Interface{TTL: ttl, Addr: t.Target})
	}
	return &t
}

// FuzzRecords writes random traces and replies. Every line must be JSON that its readers
// take, and be the same after it is read and written again.
func FuzzRecords(f *testing.F) {
	for seed, ext := range [][]byte{nil, mplsExt(), ifaceExt(), {0x20}, {0x20, 0, 0, 0, 0, 9, 2, 15}} {
		f.Add(uint64(seed), ext, "vp1")
	}
	f.Fuzz(func(t *testing.T, seed uint64, ext []byte, hostname string) {
		if len(ext) > 1<<16 {
			return
		}
		tr := randomTrace(rand.New(rand.NewPCG(seed, 1)), ext)
		conf := Config{Run: hostname, ListName: hostname, Hostname: hostname}
		got := written(t, conf, func(w *Writer) {
			s := sample{trace: tr, replies: tr.Hops, reply: new(record.Reply)}
			writeSample(t, w, s)
		})
		lines := 0
		for line := range bytes.Lines(got) {
			if err := check(line); err != nil {
				t.Errorf("%v: %s", err, line)
			}
			lines++
		}
		if lines != len(tr.Hops)+2 {
			t.Errorf("%d lines, want %d", lines, len(tr.Hops)+2)
		}
		if diff := cmp.Diff(string(got), string(again(t, got, conf))); diff != "" {
			t.Errorf("read and written again (-want +got):\n%s", diff)
		}
	})
}

// FuzzString compares with encoding/json: a reader gets the same text.
func FuzzString(f *testing.F) {
	for _, s := range []string{"", "eth0", "\x00\x1f\x7f\"\\/\n\r\t\b", "ü\xff\xc3", "\u2028\u2029\ufffd", "😀\xf0\x9f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		line := appendString(nil, s)
		var got, want string
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		theirs, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(theirs, &want); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if again := appendString(nil, []byte(s)); !bytes.Equal(again, line) {
			t.Errorf("as octets %s, as a string %s", again, line)
		}
		if i := bytes.IndexFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }); i >= 0 {
			t.Errorf("control character at %d in %q", i, line)
		}
	})
}

func TestWriterAllocs(t *testing.T) {
	for _, s := range append(samples(), sampleAnnotated()) {
		w := NewWriter(io.Discard, testConfig)
		if n := testing.AllocsPerRun(500, func() { writeSample(t, w, s) }); n != 0 {
			t.Errorf("%s: %v allocations", s.name, n)
		}
	}
}

// keys returns the paths of all keys of the JSON of a type, in the notation of
// docs/records.md.
func keys(prefix string, typ reflect.Type) []string {
	var list []string
	for i := range typ.NumField() {
		f := typ.Field(i)
		if f.Anonymous {
			embedded := f.Type
			if embedded.Kind() == reflect.Pointer {
				embedded = embedded.Elem()
			}
			list = append(list, keys(prefix, embedded)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || strings.HasSuffix(name, ":") { // scamper's alone
			continue
		}
		path := prefix + name
		list = append(list, path)
		elem := f.Type
		if elem == reflect.TypeFor[account.ByTTL]() {
			type entry struct {
				TTL uint8 `json:"ttl"`
				account.TTLCounts
			}
			list = append(list, keys(path+"[].", reflect.TypeFor[entry]())...)
		}
		if elem.Kind() == reflect.Pointer {
			elem = elem.Elem()
		}
		if elem.Kind() == reflect.Slice && elem.Elem().Kind() == reflect.Struct {
			path, elem = path+"[]", elem.Elem()
		}
		if elem.Kind() == reflect.Struct && strings.HasPrefix(elem.PkgPath(), "github.com/masstrace/") {
			list = append(list, keys(path+".", elem)...)
		}
	}
	return list
}

// TestRecordReference wants a row in docs/records.md for every key of every
// record, under a heading with the type of the record, and no other rows.
// TestRecordsAreStrict sees to it that no other key is written.
func TestRecordReference(t *testing.T) {
	page, err := os.ReadFile("../../../docs/records.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	heading := regexp.MustCompile("^## `([a-z-]+)`")
	row := regexp.MustCompile("^\\| `([^`]+)` \\|")
	section := ""
	for line := range strings.Lines(string(page)) {
		if m := heading.FindStringSubmatch(line); m != nil {
			section = m[1]
		}
		if m := row.FindStringSubmatch(line); m != nil {
			rows[section] = append(rows[section], m[1])
		}
	}
	for section, record := range map[string]any{
		TypeTrace: TraceLine{}, TypeTraceExt: ExtLine{}, TypeReply: ReplyLine{},
		TypeRun: runLine{}, TypeSummary: summaryLine{}, TypeCycleStart: cycleLine{},
		TypeResume: resumeLine{}, TypeFollowed: followedLine{},
	} {
		want := keys("", reflect.TypeOf(record))
		got := rows[section]
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-has +documented):\n%s", section, diff)
		}
	}
}

// trace16 is a trace of 16 hops, as most are.
func trace16() *record.Trace {
	t := udp4(15)
	h := answer(t, 16, probe.KindPortUnreach)
	add(t, h)
	for i := range t.Hops {
		binary.BigEndian.PutUint32(t.Hops[i].Responder[12:], 0xc6336400+uint32(i)*7919)
	}
	t.Hops[7].Ext = mplsExt()
	trace.Close(t)
	return t
}

func BenchmarkTrace(b *testing.B) {
	t := trace16()
	w := NewWriter(io.Discard, testConfig)
	line := appendTrace(bytes.Clone(w.traceHead), t)
	b.Run("by hand", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(line)) + 1)
		buf := make([]byte, 0, 2*len(line))
		for b.Loop() {
			buf = append(appendTrace(append(buf[:0], w.traceHead...), t), '\n')
		}
		report(b, len(line)+1)
	})
	b.Run("encoding json", func(b *testing.B) {
		var rec TraceLine
		if err := json.Unmarshal(line, &rec); err != nil {
			b.Fatal(err)
		}
		enc := json.NewEncoder(io.Discard)
		b.ReportAllocs()
		for b.Loop() {
			if err := enc.Encode(&rec); err != nil {
				b.Fatal(err)
			}
		}
		report(b, len(line)+1)
	})
}

func report(b *testing.B, octets int) {
	b.ReportMetric(float64(octets), "octets/trace")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(octets), "ns/octet")
}

func BenchmarkTraceExt(b *testing.B) {
	t := trace16()
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		buf = appendExt(buf[:0], t)
	}
}

func BenchmarkReply(b *testing.B) {
	t := trace16()
	w := NewWriter(io.Discard, testConfig)
	r := &record.Reply{Head: t.Head}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r.Hop = t.Hops[i%16]
		if err := w.Write(r); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
