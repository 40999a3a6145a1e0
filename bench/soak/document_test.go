package main

import (
	"strings"
	"testing"
	"time"
)

func TestDocument(t *testing.T) {
	const stream = `{"Action":"output","Package":"x/masstrace/codec","Test":"TestForge","Output":"    a_test.go:5: 10000000 tries, 0 strong\n"}
{"Action":"pass","Package":"x/masstrace/codec","Test":"TestForge","Elapsed":0.5}
{"Action":"pass","Package":"x/masstrace/codec","Test":"TestLong","Elapsed":12}
{"Action":"pass","Package":"x/masstrace/codec","Test":"TestLong/part","Elapsed":12}
{"Action":"output","Package":"x/masstrace/codec","Test":"TestShort","Output":"    a_test.go:5: words\n"}
{"Action":"pass","Package":"x/masstrace/codec","Test":"TestShort","Elapsed":0}
{"Action":"fail","Package":"x/masstrace/codec","Test":"TestBad/part","Elapsed":0}
{"Action":"skip","Package":"x/masstrace/codec","Test":"TestShy","Elapsed":0}
{"Action":"run","Package":"x/masstrace/codec","Test":"TestLost"}
{"Action":"fail","Package":"x/masstrace/codec","Elapsed":1}
{"ImportPath":"x/masstrace/b","Action":"build-output","Output":"b.go:3:1: undefined: x\n"}
{"Action":"fail","Package":"x/masstrace/b","Elapsed":0,"FailedBuild":"x/masstrace/b"}
`
	report, err := readEvents(strings.NewReader(stream))
	if err != nil {
		t.Fatal(err)
	}
	r := result{tests: report, fuzz: []string{"ok  wire FuzzX"}, took: time.Minute, failed: true}
	got := string(r.document("- machine\n"))
	for _, want := range []string{
		"# Soak: FAIL\n", "- machine\n- time: 1m0s\n- tests: 4 passed, 3 failed, 1 skipped\n",
		"| codec | TestForge | pass | 0.5 | 10000000 tries, 0 strong |\n",
		"| codec | TestLong | pass | 12.0 |  |\n", "| codec | TestBad/part | fail | 0.0 |  |\n",
		"| b | – | fail | 0.0 |  |\n",
		"```\nok  wire FuzzX\n```\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("document lacks %q:\n%s", want, got)
		}
	}
	for _, not := range []string{"TestShort", "TestShy", "TestLong/part"} {
		if strings.Contains(got, not) {
			t.Errorf("document has %s", not)
		}
	}
}
