package talk

import (
	"errors"
	"strings"
	"testing"
)

func TestMessages(t *testing.T) {
	data, err := Encode(&Get{List: "x", Offset: 5}, []byte("a\nb"))
	if err != nil {
		t.Fatal(err)
	}
	var q Get
	if body, err := DecodeReply(data, &q); err != nil || string(body) != "a\nb" || q.Offset != 5 {
		t.Errorf("%q, %+v, %v", body, q, err)
	}
	_, err = DecodeReply(EncodeFault(errors.New("no")), &q)
	if refusal, ok := errors.AsType[Refusal](err); !ok || refusal != "no" {
		t.Errorf("DecodeReply = %v", err)
	}
	for _, bad := range []string{"", "{", "{}", `{"later":1}` + "\n", "!x"} {
		if _, err := DecodeReply([]byte(bad), &q); err == nil {
			t.Errorf("%q is a message", bad)
		}
	}
}

// Neighbouring versions work together, and others state what to do.
func TestSpeaks(t *testing.T) {
	if err := Speaks(Hello{Version: Version + 1, Oldest: Version}); err != nil {
		t.Errorf("the next version: %v", err)
	}
	err := Speaks(Hello{Version: Version + 2, Oldest: Version + 1, Software: "masstrace/9"})
	if err == nil || !strings.Contains(err.Error(), "update") {
		t.Errorf("a distant version: %v", err)
	}
}

// Any text is a message or an error.
func FuzzDecodeMessage(f *testing.F) {
	f.Add([]byte("{}\nx"))
	f.Add([]byte("!{\"error\":\"x\"}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var q Beat
		_, _ = DecodeReply(data, &q)
	})
}
