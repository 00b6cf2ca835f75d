# For the other scripts of this folder: Debian's packages, as root or with sudo.

# install_packages SECONDS NEED PACKAGE...   NEED says what for, where there is no apt-get
install_packages() {
  local seconds=$1 need=$2 sudo=""
  shift 2
  if ! command -v apt-get >/dev/null; then
    echo "$need (no apt-get here)" >&2
    return 1
  fi
  [ "$(id -u)" = 0 ] || sudo=sudo
  export DEBIAN_FRONTEND=noninteractive
  timeout 300 $sudo apt-get -o DPkg::Lock::Timeout=200 update -qq
  timeout "$seconds" $sudo apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends "$@" >/dev/null
}
