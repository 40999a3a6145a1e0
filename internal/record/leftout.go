package record

// LeftOut counts the addresses of the target lists that the exclusions removed before the run
// began. They are in no other count. An address that is removed for both reasons counts as
// special-purpose.
type LeftOut struct {
	SpecialPurpose Removed `json:"special_purpose"`
	Excluded       Removed `json:"excluded"`
}

// Removed counts addresses, and the prefixes (see Run.Granularity) that lost their last address
// with them. A count of MostRemoved means that many or more.
type Removed struct {
	Prefixes  uint64 `json:"prefixes"`
	Addresses uint64 `json:"addresses"`
}

// MostRemoved is the limit of counts of addresses: the largest integer that every JSON reader
// takes exactly.
const MostRemoved = 1<<53 - 1
