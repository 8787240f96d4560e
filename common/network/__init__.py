"""From a URL to a connected socket: names, addresses, proxies, certificates, all within one deadline."""
