package config

// LoadOffline is Load for a rehearsal, in which nobody is who he says: tokens and
// other credentials may be missing or be placeholders, and no file that the
// configuration names is opened. What the Config has in their place is good
// for nothing.
func LoadOffline(path string) (Config, []Warning, error) {
	data, err := readConfig(path)
	if err != nil {
		return Config{}, nil, err
	}
	return ParseOffline(path, data)
}

// ParseOffline is LoadOffline for data, which came from what is called name.
func ParseOffline(name string, data []byte) (Config, []Warning, error) {
	c, warnings, err := sketch(&reader{name: name, keyless: true}, data)
	if err != nil {
		return Config{}, warnings, err
	}
	return c, warnings, nil
}

// standIns are tokens that no Slack knows, by the name of their setting.
var standIns = map[string]string{"token": "xoxb-offline", "app_token": "xapp-offline"}
