package config

// LoadOffline is Load for use without Teleport and Slack, as in the demo. Tokens
// and other credentials may be missing or placeholders, and no file that the
// configuration names is opened. The Config has stand-ins for the credentials.
func LoadOffline(path string) (Config, []Warning, error) {
	data, err := readConfig(path)
	if err != nil {
		return Config{}, nil, err
	}
	return ParseOffline(path, data)
}

// ParseOffline is LoadOffline for data from a file called name.
func ParseOffline(name string, data []byte) (Config, []Warning, error) {
	c, warnings, err := sketch(&reader{name: name, keyless: true}, data)
	if err != nil {
		return Config{}, warnings, err
	}
	return c, warnings, nil
}

// standIns are invalid tokens, by the name of their setting.
var standIns = map[string]string{"token": "xoxb-nobody", "app_token": "xapp-nobody"}
