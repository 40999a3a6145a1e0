package gotest

import (
	"slices"
	"strings"
	"testing"
)

// stream is what go test -json writes of a package whose tests end in every
// way, one that is not built, one without tests, and one that runs none.
const stream = `{"Action":"start","Package":"m/a"}
{"Action":"run","Package":"m/a","Test":"TestGood"}
{"Action":"output","Package":"m/a","Test":"TestGood","Output":"=== RUN   TestGood\n"}
{"Action":"output","Package":"m/a","Test":"TestGood","Output":"    a_test.go:5: 1000 tries\n"}
{"Action":"pass","Package":"m/a","Test":"TestGood","Elapsed":1.5}
{"Action":"run","Package":"m/a","Test":"TestBad/sub"}
{"Action":"output","Package":"m/a","Test":"TestBad/sub","Output":"    a_test.go:9: got 1\n"}
{"Action":"fail","Package":"m/a","Test":"TestBad/sub","Elapsed":0}
{"Action":"fail","Package":"m/a","Test":"TestBad","Elapsed":0}
{"Action":"run","Package":"m/a","Test":"TestShy"}
{"Action":"output","Package":"m/a","Test":"TestShy","Output":"    a_test.go:7: needs a moon\n"}
{"Action":"output","Package":"m/a","Test":"TestShy","Output":"--- SKIP: TestShy (0.00s)\n"}
{"Action":"skip","Package":"m/a","Test":"TestShy","Elapsed":0}
{"Action":"run","Package":"m/a","Test":"TestLost"}
{"Action":"output","Package":"m/a","Output":"FAIL\n"}
{"Action":"fail","Package":"m/a","Elapsed":2}
{"ImportPath":"m/b [m/b.test]","Action":"build-output","Output":"b/b.go:3:1: undefined: x\n"}
{"ImportPath":"m/b [m/b.test]","Action":"build-fail"}
{"Action":"start","Package":"m/b"}
{"Action":"output","Package":"m/b","Output":"FAIL\tm/b [build failed]\n"}
{"Action":"fail","Package":"m/b","Elapsed":0,"FailedBuild":"m/b [m/b.test]"}
{"Action":"start","Package":"m/c"}
{"Action":"output","Package":"m/c","Output":"?   \tm/c\t[no test files]\n"}
{"Action":"skip","Package":"m/c","Elapsed":0}
go: something else
{"Action":"start","Package":"m/d"}
{"Action":"output","Package":"m/d","Output":"testing: warning: no tests to run\n"}
{"Action":"pass","Package":"m/d","Elapsed":0.1}
`

func TestRead(t *testing.T) {
	var out strings.Builder
	r, err := Read(strings.NewReader(stream), &out)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Counts(), (Counts{Passed: 1, Failed: 4, Skipped: 1}); got != want {
		t.Errorf("Counts = %v, want %v", got, want)
	}
	if got, want := r.Skips(), []string{"m/a TestShy:    a_test.go:7: needs a moon"}; !slices.Equal(got, want) {
		t.Errorf("Skips = %q, want %q", got, want)
	}
	if got, want := r.Idle(), []string{"m/d"}; !slices.Equal(got, want) {
		t.Errorf("Idle = %q, want %q", got, want)
	}
	good := r.Packages[0].Tests[0]
	if got, want := good.Logged(), []string{"    a_test.go:5: 1000 tries"}; !slices.Equal(got, want) || good.Seconds != 1.5 {
		t.Errorf("Logged = %q, %v s; want %q, 1.5 s", got, good.Seconds, want)
	}
	for _, want := range []string{
		"FAILED: m/a TestBad/sub\n    a_test.go:9: got 1\n", "FAILED: m/a TestLost\n",
		"undefined: x\n", "go: something else\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, &out)
		}
	}
	for _, not := range []string{"m/c", "needs a moon", "1000 tries"} {
		if strings.Contains(out.String(), not) {
			t.Errorf("output has %q", not)
		}
	}
}

// A stream that ends in the middle means that go test was killed.
func TestReadCut(t *testing.T) {
	cut := stream[:strings.Index(stream, `{"Action":"run","Package":"m/a","Test":"TestBad/sub"`)]
	r, err := Read(strings.NewReader(cut), &strings.Builder{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Counts(), (Counts{Passed: 1, Failed: 1}); got != want {
		t.Errorf("Counts = %v, want %v", got, want)
	}
}
