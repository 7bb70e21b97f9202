package auth

import (
	"reflect"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// ConfigError says that a caller set something that cannot work. All packages of
// this module return it, before anything is sent anywhere.
type ConfigError struct {
	Field   string // what was set, with its package: "auth.Options.RefreshMargin"
	Problem string // what is wrong with it, and what to do
}

func (e *ConfigError) Error() string { return e.Field + ": " + e.Problem }

// isNil reports whether v is nil, or a nil pointer in an interface, as it stands
// there when the error of a constructor was not looked at.
func isNil(v azcore.TokenCredential) bool {
	if v == nil {
		return true
	}
	p := reflect.ValueOf(v)
	return p.Kind() == reflect.Pointer && p.IsNil()
}
