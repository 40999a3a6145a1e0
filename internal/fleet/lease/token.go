package lease

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Key makes and checks the tokens of the leases of one job. A hub that has begun anew has the same key,
// and keeps no leases: an agent proves an earlier lease by its token. Any goroutine may use it.
type Key [sha256.Size]byte

// NewKey derives the key from the key and the number of a job. The key of an agent (job.AgentKey) does
// not reveal it.
func NewKey(jobKey [16]byte, job string) (k Key) {
	mac := hmac.New(sha256.New, jobKey[:])
	mac.Write([]byte("masstrace leases of job " + job))
	mac.Sum(k[:0])
	return k
}

// Token returns the token of a lease that the hub gives to an agent: 32 hexadecimal digits.
func (k *Key) Token(agent string, l Lease) string { return hex.EncodeToString(k.sum(agent, l)) }

// Proves reports whether a token is that of an agent's lease. It takes the same time for each wrong
// token.
func (k *Key) Proves(token, agent string, l Lease) bool {
	sum, err := hex.DecodeString(token)
	return err == nil && hmac.Equal(sum, k.sum(agent, l))
}

// sum returns the first 16 bytes of the HMAC-SHA-256 of an agent's lease. A name has no space.
func (k *Key) sum(agent string, l Lease) []byte {
	mac := hmac.New(sha256.New, k[:])
	fmt.Fprintf(mac, "%s %d %d", agent, l.Slice, l.Epoch)
	return mac.Sum(nil)[:16]
}
