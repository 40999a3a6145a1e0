// Package objects keeps the results of a fleet in a bucket of an object store that speaks S3. An
// object is written as a whole or not at all, and does not change:
//
//	PREFIX/jobs/ID/segments/UNIT.EPOCH.DIGEST.ndjson.zst   the records of a slice
//	PREFIX/jobs/ID/manifest/UNIT                           its entry, as JSON
//
// An entry is put under the condition that no object has its name (If-None-Match: *). Of several
// puts the store takes one, also of several hubs: that is the compare-and-swap of the ledger. Check
// refuses a store that ignores the condition.
package objects

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Config describes a bucket and how to reach it.
type Config struct {
	// URL is https://HOST[:PORT]/BUCKET[/PREFIX], also with http, or s3://BUCKET[/PREFIX] for
	// Amazon.
	URL string
	// Credentials is a file as the AWS tools have it. "" stands for their environment variables, or
	// for their usual file.
	Credentials string
	// Patience is the most time of one request, 0 for 20 s.
	Patience time.Duration
}

// Bucket is the part of a bucket that a hub uses. Any goroutine may use it.
type Bucket struct {
	client   minio.Core
	shown    string // URL for people
	name     string
	prefix   string
	patience time.Duration
	checked  atomic.Bool // conditions hold
}

// Errors that callers distinguish.
var (
	// ErrConditions means that the compare-and-swap would not hold.
	ErrConditions = errors.New("the object store ignores the condition If-None-Match, so two results of a slice could both be taken")
	errExists     = errors.New("an object has this name")
)

// defaultPatience is within the time of a lease, so that an agent can try again.
const defaultPatience = 20 * time.Second

// tries of a request.
const tries = 3

// amazon is the endpoint of URLs that name none.
const amazon = "s3.amazonaws.com"

// New returns the bucket of a URL. It sends nothing: see Check.
func New(c Config) (*Bucket, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		// The error of url.Parse would show a password.
		return nil, errors.New("the URL of the object store cannot be read")
	}
	if u.User != nil {
		return nil, errors.New("the URL of the object store has credentials, which others can see: use a file or the environment")
	}
	host, where := u.Host, strings.Trim(u.Path, "/")
	switch {
	case u.RawQuery != "" || u.Fragment != "" || host == "":
		return nil, errURL
	case u.Scheme == "s3":
		host, where = amazon, strings.Trim(path.Join(u.Host, u.Path), "/")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errURL
	}
	bucket, prefix, _ := strings.Cut(where, "/")
	if bucket == "" {
		return nil, errURL
	}
	keys, err := c.keys()
	if err != nil {
		return nil, err
	}
	client, err := minio.New(host, &minio.Options{
		Creds: keys, Secure: u.Scheme != "http", Region: region(), MaxRetries: tries,
	})
	if err != nil {
		return nil, fmt.Errorf("object store: %w", err)
	}
	b := &Bucket{client: minio.Core{Client: client}, shown: c.URL, name: bucket, prefix: prefix, patience: c.Patience}
	if b.patience == 0 {
		b.patience = defaultPatience
	}
	return b, nil
}

var errURL = errors.New("the URL of an object store is https://HOST/BUCKET/PREFIX or s3://BUCKET/PREFIX")

// String returns the URL, which has no credentials.
func (b *Bucket) String() string { return b.shown }

// object returns the name of an object.
func (b *Bucket) object(parts ...string) string {
	return path.Join(append([]string{b.prefix}, parts...)...)
}

// limit bounds the time of a request.
func (b *Bucket) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, b.patience)
}

// marker is the object that Check writes.
const marker = "masstrace"

// Check returns an error if results cannot be read from the bucket or written to it. The error
// wraps ErrConditions if no later try can succeed.
func (b *Bucket) Check(ctx context.Context) error {
	text := []byte("masstrace keeps the results of a fleet here.\n")
	err := b.put(ctx, b.object(marker), text)
	if err == nil { // the second must fail
		err = b.put(ctx, b.object(marker), text)
		if err == nil {
			return fmt.Errorf("%s: %w", b, ErrConditions)
		}
	}
	if errors.Is(err, errExists) {
		b.checked.Store(true)
		return nil
	}
	return b.fault("refuses writes", err)
}

// fault returns an error of a request, with the store and a verb for it.
func (b *Bucket) fault(does string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer within %v", b.patience)
	}
	if reply, ok := errors.AsType[minio.ErrorResponse](err); ok && reply.Code != "" {
		err = fmt.Errorf("%s (%s)", strings.TrimSuffix(reply.Message, "."), reply.Code)
	}
	return fmt.Errorf("the object store at %s %s: %w", b, does, err)
}

// keys returns the credentials, and an error if there are none.
func (c *Config) keys() (*credentials.Credentials, error) {
	list := []credentials.Provider{&credentials.EnvAWS{}, &credentials.EnvMinio{}, &credentials.FileAWSCredentials{}}
	if file := os.Getenv("AWS_SHARED_CREDENTIALS_FILE"); file != "" && os.Getenv("AWS_ACCESS_KEY_ID") == "" {
		c.Credentials = cmp.Or(c.Credentials, file)
	}
	if c.Credentials != "" {
		if err := checkSecret(c.Credentials); err != nil {
			return nil, err
		}
		list = []credentials.Provider{&credentials.FileAWSCredentials{Filename: c.Credentials}}
	}
	keys := credentials.NewChainCredentials(list)
	value, err := keys.GetWithContext(nil)
	if err == nil && value.AccessKeyID == "" {
		err = errors.New("no access key")
	}
	if err != nil && c.Credentials != "" {
		return nil, fmt.Errorf("%s has no credentials of an object store: %w", c.Credentials, err)
	}
	if err != nil {
		return nil, errors.New("there are no credentials of the object store: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SHARED_CREDENTIALS_FILE")
	}
	return keys, nil
}
