package main

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/gotest"
)

func TestDocument(t *testing.T) {
	const stream = `{"Action":"output","Package":"x/masstrace/codec","Test":"TestForge","Output":"    a_test.go:5: 10000000 tries, 0 strong\n"}
{"Action":"pass","Package":"x/masstrace/codec","Test":"TestForge","Elapsed":0.5}
{"Action":"pass","Package":"x/masstrace/codec","Test":"TestLong","Elapsed":12}
{"Action":"pass","Package":"x/masstrace/codec","Test":"TestLong/part","Elapsed":12}
{"Action":"output","Package":"x/masstrace/codec","Test":"TestShort","Output":"    a_test.go:5: words\n"}
{"Action":"pass","Package":"x/masstrace/codec","Test":"TestShort","Elapsed":0}
{"Action":"fail","Package":"x/masstrace/codec","Test":"TestBad/part","Elapsed":0}
{"Action":"fail","Package":"x/masstrace/codec","Elapsed":1}
`
	report, err := gotest.Read(strings.NewReader(stream), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	r := result{tests: report, fuzz: []string{"ok  wire FuzzX"}, took: time.Minute, failed: true}
	got := string(r.document("- machine\n"))
	for _, want := range []string{
		"# Soak: FAIL\n", "- machine\n- time: 1m0s\n- tests: 4 passed, 1 failed, 0 skipped\n",
		"| codec | TestForge | pass | 0.5 | 10000000 tries, 0 strong |\n",
		"| codec | TestLong | pass | 12.0 |  |\n", "| codec | TestBad/part | fail | 0.0 |  |\n",
		"```\nok  wire FuzzX\n```\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("document lacks %q:\n%s", want, got)
		}
	}
	for _, not := range []string{"TestShort", "TestLong/part"} {
		if strings.Contains(got, not) {
			t.Errorf("document has %s", not)
		}
	}
}
