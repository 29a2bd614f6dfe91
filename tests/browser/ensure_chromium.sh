#!/usr/bin/env bash
# Makes sure that the browser tests find a Chromium on PATH: takes the one that is there, or installs Debian's.
# In CI its absence is an error; elsewhere the browser tests are skipped, and this says why.
set -euo pipefail

find_chromium() {
  local name
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null && "$name" --version >/dev/null 2>&1; then
      return 0
    fi
  done
  return 1
}

if find_chromium; then
  exit 0
fi

if [[ "$(id -u)" == 0 ]] && command -v apt-get >/dev/null; then
  echo "Installing Chromium for the browser tests" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update || echo "apt-get update failed; trying with the package lists at hand" >&2
  apt-get -qq install --yes --no-install-recommends chromium fonts-dejavu-core >/dev/null || true
  if find_chromium; then
    exit 0
  fi
fi

echo "The browser tests need Chromium (or Google Chrome) on PATH, and none was found." >&2
echo "Install it, as root on Debian for example with: apt-get install chromium fonts-dejavu-core" >&2
[[ "${CI:-}" == "" ]]
