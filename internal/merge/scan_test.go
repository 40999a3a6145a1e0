package merge

import (
	"encoding/json"
	"reflect"
	"testing"
)

// TestScan: the fields of a line are those that encoding/json reads.
func TestScan(t *testing.T) {
	for _, line := range []string{
		`{"type":"trace","dst":"192.0.2.1","userid":3,"hops":[{"addr":"192.0.2.2","dst":7}]}`,
		`{"userid":65535,"x":{"userid":1},"dst":"2001:db8::1"}`, `{"dst":null}`, `{"DST":"::1","userid":2}`, `{"userid":65536}`, `{"dst":"x"}`, `[]`, `{`,
		`{"type":"trace-ext","run":"A","dst":"::1","userid":1,"reached":true,"loss":{"sent":7,"x":1,"answered":3},"no_reply":[[1,0]]}`,
		`{"run":"\u00e9","loss":{"sent":1e2}}`, `{"loss":null,"reached":false}`, `{"loss":{"sent":-1}}`, `{"loss":{"sent":1},"loss":{"answered":2}}`,
		`{"type":"reply","run":"A","kind":"ttl_exceeded","dup":1,"late":true,"rtt":3}`, `{"superseded":true,"withheld":false}`, `{"withheld":true}`, `{"dup":"1"}`, `{"kind":"pure_ack","late":false}`,
		`{"type":"multipath","run":"A","dst":"::1","probes":7,"nodes":[{"addr":"::2"}]}`, `{"probes":-1}`, `{"dst":null,"probes":1e1}`,
	} {
		var s scan
		compare(t, line, s.trace)
		compare(t, line, s.ext)
		compare(t, line, s.reply)
		compare(t, line, s.multipath)
	}
}

func compare[T any](t *testing.T, line string, read func([]byte, *T) error) {
	t.Helper()
	var got, want T
	err, wantErr := read([]byte(line), &got), json.Unmarshal([]byte(line), &want)
	if (err != nil) != (wantErr != nil) || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %+v, %v; want %+v, %v", line, got, err, want, wantErr)
	}
}
