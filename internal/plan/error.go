package plan

import "fmt"

// ConfigError is a request that makes no sense. Field is the field of a Config that is to
// blame, or ""; a command turns it into its flag.
type ConfigError struct {
	Field string
	Err   error
}

// Error implements error.
func (e *ConfigError) Error() string {
	if e.Field == "" {
		return e.Err.Error()
	}
	return e.Field + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *ConfigError) Unwrap() error { return e.Err }

// Refuse returns a ConfigError about a field.
func Refuse(field, format string, args ...any) error {
	return &ConfigError{field, fmt.Errorf(format, args...)}
}
