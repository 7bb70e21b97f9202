package auth

// ConfigError says that a caller set something that cannot work. All packages of
// this module return it, before anything is sent anywhere.
type ConfigError struct {
	Field   string // what was set, with its package: "auth.Options.RefreshMargin"
	Problem string // what is wrong with it, and what to do
}

func (e *ConfigError) Error() string { return e.Field + ": " + e.Problem }
