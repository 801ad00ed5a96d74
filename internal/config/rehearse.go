package config

// Rehearse is Load for a rehearsal, in which nobody is who he says: tokens and
// other credentials may be missing or be placeholders, and no file that the
// configuration names is opened. What the Config has in their place is good
// for nothing.
func Rehearse(path string) (Config, []Warning, error) {
	data, err := readConfig(path)
	if err != nil {
		return Config{}, nil, err
	}
	return RehearseText(path, data)
}

// RehearseText is Rehearse for data, which came from what is called name.
func RehearseText(name string, data []byte) (Config, []Warning, error) {
	c, warnings, err := sketch(&reader{name: name, keyless: true}, data)
	if err != nil {
		return Config{}, warnings, err
	}
	return c, warnings, nil
}

// standIns are tokens that no Slack knows, by the name of their setting.
var standIns = map[string]string{"token": "xoxb-rehearsal", "app_token": "xapp-rehearsal"}
