package agent_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/hub"
	"github.com/masstrace/masstrace/internal/fleet/objects"
	"github.com/masstrace/masstrace/internal/fleet/objects/objectstest"
)

// depot is where a hub keeps results, as somebody who damages them sees it. Names are those of the
// files or objects of the job, with slashes.
type depot interface {
	read(t *testing.T, name string) []byte
	write(t *testing.T, name string, text []byte)
}

// folderDepot is the folder of a job.
type folderDepot string

func (d folderDepot) read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(string(d), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (d folderDepot) write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(string(d), filepath.FromSlash(name)), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// objectDepot is the URL of the objects of a job. The store of tests asks for no signature.
type objectDepot string

func (d objectDepot) do(t *testing.T, method, name string, text []byte) []byte {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, string(d)+"/"+name, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err = io.ReadAll(r.Body)
	var fault struct{ XMLName xml.Name }
	if err != nil || r.StatusCode != http.StatusOK || xml.Unmarshal(text, &fault) == nil {
		t.Fatalf("%s %s: %s, %v: %s", method, name, r.Status, err, text)
	}
	return text
}

func (d objectDepot) read(t *testing.T, name string) []byte {
	return d.do(t, http.MethodGet, name, nil)
}

func (d objectDepot) write(t *testing.T, name string, text []byte) {
	d.do(t, http.MethodPut, name, text)
}

// A store damages a segment or the manifest of a job that is done. The hub or the submitter notices
// the damage, and names the damaged file. No damaged data becomes a result.
func TestStoreDamaged(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"folder", "objects"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, "paris")
			entry := "manifest" // the file with the first entry
			var at func(id string) depot
			if kind == "folder" {
				at = func(id string) depot { return folderDepot(filepath.Join(f.dir, "hub", "jobs", id)) }
			} else {
				s := objectstest.New(t)
				bucket, err := objects.New(objects.Config{URL: s.URLOf("fleet"), Credentials: s.Credentials, Patience: 5 * time.Second})
				if err != nil {
					t.Fatal(err)
				}
				f.stopHub()
				f.change = func(c *hub.Config) { c.Results = bucket }
				f.startHub()
				entry = "manifest/000000"
				at = func(id string) depot { return objectDepot(s.URLOf("fleet/jobs/" + id)) }
			}
			c := f.submitter()
			defer c.Close()
			j := f.submit(c, f.spec(c, "45.16.0.0/24", 4))
			f.start("paris", &simulated{}, nil)
			await(t, c, j.ID)
			store := at(j.ID)
			reply, err := c.Entries(t.Context(), j.ID)
			if err != nil {
				t.Fatal(err)
			}
			first := reply.Entries[0]
			whole := store.read(t, first.Segment())
			changed := bytes.Clone(whole)
			changed[len(changed)/2] ^= 1
			for name, text := range map[string][]byte{"changed": changed, "cut": whole[:len(whole)-1], "empty": nil} {
				store.write(t, first.Segment(), text)
				_, err := c.Download(t.Context(), j.ID, t.TempDir(), func(int, int) {})
				if err == nil || !strings.Contains(err.Error(), "slice 0 of paris") {
					t.Errorf("a segment that is %s: %v", name, err)
				}
			}
			store.write(t, first.Segment(), whole)
			if all := union(t, c, j.ID); len(all) != 256 {
				t.Errorf("%d records after the repair", len(all))
			}
			f.stopHub()
			manifest := store.read(t, entry)
			for what, damage := range map[string][]byte{
				"a bit":      bytes.Replace(manifest, []byte(`"targets":64`), []byte(`"targets":65`), 1),
				"the slice":  bytes.Replace(manifest, []byte(`"slice":0`), []byte(`"slice":3`), 1),
				"the braces": bytes.Replace(manifest, []byte("{"), []byte("("), 1),
			} {
				if bytes.Equal(damage, manifest) {
					t.Fatalf("%s: nothing to damage in %s", what, manifest)
				}
				store.write(t, entry, damage)
				h, err := hub.Open(f.config())
				if err == nil {
					err = h.Close()
					t.Errorf("%s: a hub begins with the damaged manifest, %v", what, err)
				} else if !strings.Contains(err.Error(), entry) || !strings.Contains(err.Error(), "damaged") {
					t.Errorf("%s: %v, want the name of the file", what, err)
				}
			}
			store.write(t, entry, manifest)
			f.startHub()
			if s := await(t, c, j.ID); s.Targets != 256 {
				t.Errorf("state after the repair %+v", s)
			}
		})
	}
}
