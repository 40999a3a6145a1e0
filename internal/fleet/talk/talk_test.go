package talk

import (
	"errors"
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
	hub := Party{"the hub", Own("masstrace/2")}
	if err := Speaks(hub, Party{"paris", Hello{Version: Version + 1, Oldest: Version}}); err != nil {
		t.Errorf("the next version: %v", err)
	}
	for _, tt := range []struct {
		name string
		text string // a hello
		want string
	}{
		{"later", `{"version":9,"oldest":7,"software":"masstrace/9"}`,
			"the hub (masstrace/2) speaks version 1 of the messages, and paris (masstrace/9) speaks versions 7 to 9 of the messages: update the hub"},
		{"later, with fields", `{"version":9,"oldest":9,"software":"masstrace/9","cipher":"x","hostname":{"fqdn":"x"},"sent_ns":"soon"}`,
			"the hub (masstrace/2) speaks version 1 of the messages, and paris (masstrace/9) speaks version 9 of the messages: update the hub"},
		{"earlier", `{"software":"masstrace/0"}`,
			"the hub (masstrace/2) speaks version 1 of the messages, and paris (masstrace/0) speaks version 0 of the messages: update paris"},
	} {
		paris := Party{Name: "paris"}
		if _, err := Decode([]byte(tt.text+"\n"), &paris.Hello); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err := Speaks(hub, paris); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	var next Hello
	if _, err := Decode([]byte(`{"version":2,"oldest":1,"software":"masstrace/9","later":true,"sent_ns":5}`+"\n"), &next); err != nil || next.SentNS != 5 {
		t.Errorf("the next version with a field: %+v, %v", next, err)
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
