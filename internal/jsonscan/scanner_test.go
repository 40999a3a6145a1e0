package jsonscan

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"testing"
)

// values are JSON texts and near misses.
var values = []string{
	`null`, `true`, `false`, `truE`, `tru`, `nulll`, `0`, `-0`, `00`, `01`, `-`, `-1`, `12`, `1.`, `1.5`, `.5`, `1e3`, `1E+3`, `1e`, `-1.25`, `1.0e-2`,
	`0.1`, `123456789.012345`, `999999999999999`, `1000000000000001`, `123456789012345678`, `1234567890123456789`, `255`, `256`, `0.30000000000000004`,
	`""`, `"a"`, `"a`, `"\u00e9"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\q"`, `"\u12"`, `"é"`, "\"\xff\"", "\"\x01\"", `"\"\\\/\b\f\n\r\t"`, "\"\x7f\"",
	`"192.0.2.1"`, `"192.0.2.01"`, `"192.0.2.256"`, `"192.0.2"`, `"1.2.3.4.5"`, `"1..2.3"`, `"0.0.0.0"`, `"1.2.3.4 "`, `".1.2.3"`, `"1234.1.1.1"`,
	`"::"`, `"::1"`, `"1::"`, `"2001:db8::1"`, `"2001:DB8:0:0:0:0:0:1"`, `"1:2:3:4:5:6:7:8"`, `"1:2:3:4:5:6:7"`, `"1:2:3:4:5:6:7::"`, `"1:2:3:4:5:6:7:8::"`,
	`"::ffff:192.0.2.1"`, `"1:2:3:4:5:6:1.2.3.4"`, `"1:2:3:4:5:6:7:1.2.3.4"`, `"::1.2.3.4.5"`, `"1:::2"`, `"1::2::3"`, `":1"`, `"1:"`, `"12345::"`,
	`"fe80::1%eth0"`, `"::g"`, `":"`, `":::"`, `"::1.2.3.4:5"`, `"1:2:3:4:5:6:7:8:9"`, `"::2:3:4:5:6:7:8"`, `"::2:3:4:5:6:7:8:9"`,
	`{}`, `[]`, `{"a":1}`, `{"a":1,}`, `{,}`, `[1,]`, `[,1]`, `[1 2]`, `{"a" 1}`, `{"a":}`, ` { "a" : [ 1 , { } ] } `, `[[[[]]]]`, `{"a":1}{`, ``, ` `, "\v1", `{a:1}`, `{"a\"b":1}`,
}

// check compares each way of reading a text with encoding/json. A Scanner may fail for good values.
func check(t *testing.T, text string) {
	t.Helper()
	var s Scanner
	in := []byte(text)
	if s.Valid(in) && !json.Valid(in) {
		t.Errorf("Valid takes %q", text)
	}
	s.Reset(in)
	same(t, text, &s, s.Text())
	s.Reset(in)
	same(t, text, &s, s.Int())
	s.Reset(in)
	same(t, text, &s, uint8(s.Uint(255)))
	s.Reset(in)
	same(t, text, &s, s.Uint(1<<64-1))
	s.Reset(in)
	same(t, text, &s, s.Float())
	s.Reset(in)
	same(t, text, &s, s.Bool())
	s.Reset(in)
	var a netip.Addr
	s.Addr(&a)
	same(t, text, &s, a)
}

// same compares a value with that of encoding/json, if the Scanner took the text.
func same[T comparable](t *testing.T, text string, s *Scanner, got T) {
	t.Helper()
	if !s.End() {
		return
	}
	var want T
	if err := json.Unmarshal([]byte(text), &want); err != nil || got != want {
		t.Errorf("%q is %v, and encoding/json has %v, %v", text, got, want, err)
	}
}

func TestScanner(t *testing.T) {
	for _, text := range values {
		check(t, text)
	}
}

// TestTakes: values of the kinds that records have are taken.
func TestTakes(t *testing.T) {
	var s Scanner
	takes := func(text string, read func()) {
		t.Helper()
		s.Reset([]byte(text))
		if read(); !s.End() {
			t.Errorf("%s is not taken", text)
		}
	}
	var a netip.Addr
	for _, text := range []string{`"192.0.2.255"`, `"0.0.0.0"`, `"2001:db8::1"`, `"::"`, `"::ffff:1.2.3.4"`, `"1:2:3:4:5:6:7:8"`, `""`, `null`, ` "::1" `} {
		takes(text, func() { s.Addr(&a) })
	}
	takes(`999999999999999999`, func() { s.Int() })
	takes(`-7`, func() { s.Int() })
	takes(`12.345`, func() { s.Float() })
	takes(`true`, func() { s.Bool() })
	takes(`"\u00e9 é \ud83d"`, func() { s.Text() })
	takes(` {"a":[1,-2.5e7,"x\"",{"b":null}],"c":{}} `, s.Skip)
}

// TestKeys: keys that encoding/json may match with another one are not unknown.
func TestKeys(t *testing.T) {
	for text, want := range map[string]bool{
		`{"ttl":7}`: true, `{"other":[1],"ttl":7}`: true, `{}`: true, `{"x_1":{"ttl":8},"ttl":7,"y":"z"}`: true,
		`{"TTL":7}`: false, `{"tt\u006c":7}`: false, `{"k\":1,\"y":2}`: false, "{\"\u212a\":7}": false,
		`{"ttl":7,}`: false, `{"ttl":7 "x":1}`: false, `{"ttl"}`: false, `{"ttl":7`: false, `{`: false, `{"ttl":7}}`: false,
	} {
		var s Scanner
		s.Reset([]byte(text))
		for s.Open('{'); s.More('}'); {
			switch key := s.Key(); string(key) {
			case "ttl":
				s.Int()
			default:
				s.Unknown(key)
			}
		}
		if got := s.End(); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

// TestIs: fields in the usual places are read as others are, and no comma may be missing.
func TestIs(t *testing.T) {
	for text, want := range map[string]bool{
		`{"a":1,"b":2}`: true, `{"a":1}`: true, `{"b":2,"a":1}`: true, `{"b":2}`: true, `{}`: true, `{"a":1, "b":2,"c":3}`: true,
		`{,"b":2}`: false, `{"a":1"b":2}`: false, `{"a":1,}`: false, `{"a":1,"b":}`: false, `{"a":1,"b":2`: false, `"a":1}`: false,
	} {
		var s Scanner
		s.Reset([]byte(text))
		s.Open('{')
		if s.Is(`"a":`) {
			s.Int()
			if s.Is(`,"b":`) {
				s.Int()
				if got := string(s.LastKey()); got != "b" {
					t.Errorf("%s: %q", text, got)
				}
			}
		}
		for s.More('}') {
			s.Unknown(s.Key())
		}
		if got := s.End(); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

// TestLastKey: after a failure the key of the field is still known.
func TestLastKey(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":1,"b":"x","c":2}`: "b", `{"a":1`: "a", `{`: "", `[`: "", ``: "", `{"a":1,"b`: "a", `{"a":{"x":"y"}}`: "a",
	} {
		var s Scanner
		s.Reset([]byte(text))
		for s.Open('{'); s.More('}'); {
			s.Key()
			s.Int()
		}
		if got := string(s.LastKey()); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// TestAllocations: names, numbers and addresses are read without allocations.
func TestAllocations(t *testing.T) {
	text := []byte(`["192.0.2.1","2001:db8::1","ttl_exceeded",1.25,-7,true,{"x":[null]}]`)
	var s Scanner
	var a netip.Addr
	if n := testing.AllocsPerRun(100, func() {
		s.Reset(text)
		s.Open('[')
		for i := 0; s.More(']'); i++ {
			switch i {
			case 0, 1:
				s.Addr(&a)
			case 2:
				s.Text()
			case 3:
				s.Float()
			case 4:
				s.Int()
			default:
				s.Skip()
			}
		}
		if !s.End() {
			t.Fatal("not taken")
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestDeep: deep values end in a failure, not in a deep stack.
func TestDeep(t *testing.T) {
	deep := make([]byte, 1<<20)
	for i := range deep {
		deep[i] = '['
	}
	if new(Scanner).Valid(deep) {
		t.Error("taken")
	}
}

func FuzzValues(f *testing.F) {
	for _, text := range values {
		f.Add(text)
		f.Add(strconv.Quote(text))
	}
	f.Fuzz(check)
}
