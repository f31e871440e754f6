// SPDX-License-Identifier: Apache-2.0
// Namespaces, virtual network devices, netlink and tracing. Devices are made in a network namespace
// of a child, and tracefs is mounted in a mount namespace of a child: both end with it.
#include "base/fd.h"
#include "base/text.h"
#include "host/probe.h"
#include "host/process_text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/genetlink.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

namespace brim::host {
namespace {

constexpr char kAskRoot[] = "run brim as root";
constexpr char kTracing[] = "/sys/kernel/tracing";
constexpr std::uint32_t kNapiGet = 11;  // NETDEV_CMD_NAPI_GET of linux/netdev.h

void probe_namespace(Capability& capability, int kind, std::string_view turn_on) {
  const Trial trial = try_in_child([&]() -> Trial {
    if (::unshare(kind) == 0) return {"a child got its own", ""};
    return trial_failed("unshare");
  });
  if (trial.error.empty()) return works(capability, trial.found);
  const Trial in_user_namespace = try_in_child([&]() -> Trial {
    if (::unshare(kind | CLONE_NEWUSER) == 0) return {"yes", ""};
    return trial_failed("unshare");
  });
  if (in_user_namespace.error.empty())
    return works_partly(capability, "inside a user namespace", "this user has none of its own",
                        kAskRoot);
  works_not(capability, trial.error, std::string(turn_on));
}

void probe_user_namespace(const Host& /*host*/, Capability& capability) {
  probe_namespace(capability, CLONE_NEWUSER, "sysctl user.max_user_namespaces=10000");
}
void probe_network_namespace(const Host& /*host*/, Capability& capability) {
  probe_namespace(capability, CLONE_NEWNET, kAskRoot);
}
void probe_mount_namespace(const Host& /*host*/, Capability& capability) {
  probe_namespace(capability, CLONE_NEWNS, kAskRoot);
}

// A netlink message being put together: header, fixed part, attributes.
class NetlinkMessage {
 public:
  NetlinkMessage(std::uint16_t type, std::uint16_t flags) {
    header().nlmsg_len = NLMSG_HDRLEN;
    header().nlmsg_type = type;
    header().nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    header().nlmsg_seq = 1;
  }
  template <class T>
  void fixed(const T& part) {
    put(&part, sizeof part);
  }
  void attribute(std::uint16_t type, const void* data, std::size_t size) {
    const nlattr head{static_cast<std::uint16_t>(NLA_HDRLEN + size), type};
    put(&head, sizeof head);
    put(data, size);
  }
  std::size_t open(std::uint16_t type) {
    const std::size_t at = header().nlmsg_len;
    attribute(type, nullptr, 0);
    return at;
  }
  void close(std::size_t at) {
    reinterpret_cast<nlattr*>(bytes_.data() + at)->nla_len =
        static_cast<std::uint16_t>(header().nlmsg_len - at);
  }
  // The error number of the answer, 0 for none; -1 where no answer came within a second.
  [[nodiscard]] int ask(int family) {
    const Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family));
    if (!socket) return errno;
    const timeval second{1, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
    if (::send(socket.get(), bytes_.data(), header().nlmsg_len, 0) < 0) return errno;
    const ssize_t n = ::recv(socket.get(), reply_.data(), reply_.size(), 0);
    if (n < static_cast<ssize_t>(NLMSG_HDRLEN)) return -1;
    const auto* answer = reinterpret_cast<const nlmsghdr*>(reply_.data());
    reply_bytes_ = static_cast<std::size_t>(n);
    if (answer->nlmsg_type != NLMSG_ERROR) return 0;
    if (n < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr)))) return -1;
    return -static_cast<const nlmsgerr*>(NLMSG_DATA(answer))->error;
  }
  // What came behind the header and a fixed part of this size.
  [[nodiscard]] std::string_view reply(std::size_t fixed_part) const {
    const std::size_t head = NLMSG_HDRLEN + NLMSG_ALIGN(fixed_part);
    const std::string_view whole(reply_.data(), reply_bytes_);
    return whole.substr(std::min(head, whole.size()));
  }

 private:
  nlmsghdr& header() { return *reinterpret_cast<nlmsghdr*>(bytes_.data()); }
  void put(const void* data, std::size_t size) {
    if (size > 0) std::memcpy(bytes_.data() + header().nlmsg_len, data, size);
    header().nlmsg_len += static_cast<std::uint32_t>(NLMSG_ALIGN(size));
  }
  alignas(nlmsghdr) std::array<char, 512> bytes_{};  // far more than these requests need
  alignas(nlmsghdr) std::array<char, 8192> reply_{};
  std::size_t reply_bytes_ = 0;
};

struct NetlinkAttribute {
  unsigned type = 0;
  std::string_view data;
};

// One behind the other, up to what does not fit.
std::vector<NetlinkAttribute> attributes_in(std::string_view bytes) {
  std::vector<NetlinkAttribute> found;
  nlattr head{};
  while (bytes.size() >= sizeof head) {
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.nla_len < sizeof head || head.nla_len > bytes.size()) break;
    found.push_back({head.nla_type & static_cast<unsigned>(NLA_TYPE_MASK),
                     bytes.substr(NLA_HDRLEN, head.nla_len - NLA_HDRLEN)});
    bytes.remove_prefix(std::min<std::size_t>(NLA_ALIGN(head.nla_len), bytes.size()));
  }
  return found;
}

// Whether a family, as CTRL_CMD_GETFAMILY describes it, has an operation.
bool has_operation(std::string_view family, std::uint32_t operation) {
  for (const NetlinkAttribute& part : attributes_in(family)) {
    if (part.type != CTRL_ATTR_OPS) continue;
    for (const NetlinkAttribute& one : attributes_in(part.data))
      for (const NetlinkAttribute& fact : attributes_in(one.data)) {
        std::uint32_t id = 0;
        if (fact.type != CTRL_ATTR_OP_ID || fact.data.size() != sizeof id) continue;
        std::memcpy(&id, fact.data.data(), sizeof id);
        if (id == operation) return true;
      }
  }
  return false;
}

void probe_netdev_netlink(const Host& /*host*/, Capability& capability) {
  constexpr char kFamily[] = "netdev";
  NetlinkMessage message(GENL_ID_CTRL, 0);
  message.fixed(genlmsghdr{CTRL_CMD_GETFAMILY, 1, 0});
  message.attribute(CTRL_ATTR_FAMILY_NAME, kFamily, sizeof kFamily);
  const int error = message.ask(NETLINK_GENERIC);
  constexpr char kNewer[] = "boot Linux 6.8 or newer";
  if (error == 0 && has_operation(message.reply(sizeof(genlmsghdr)), kNapiGet))
    return works(capability, "the family is registered, with napi-get");
  if (error == 0)
    return works_not(capability, "this kernel's netdev family has no napi-get", kNewer);
  if (error == ENOENT) return works_not(capability, "this kernel has no netdev family", kNewer);
  works_not(capability, error < 0 ? "no answer within a second" : std::strerror(error));
}

// In a fresh network namespace.
Trial make_veth() {
  if (::unshare(CLONE_NEWNET) != 0) return trial_failed("unshare");
  constexpr char kName[] = "brimprobe0";
  constexpr char kPeer[] = "brimprobe1";
  constexpr char kKind[] = "veth";
  NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
  const ifinfomsg link{};
  message.fixed(link);
  message.attribute(IFLA_IFNAME, kName, sizeof kName);
  const std::size_t info = message.open(IFLA_LINKINFO);
  message.attribute(IFLA_INFO_KIND, kKind, sizeof kKind - 1);
  const std::size_t data = message.open(IFLA_INFO_DATA);
  const std::size_t peer = message.open(VETH_INFO_PEER);
  message.fixed(link);
  message.attribute(IFLA_IFNAME, kPeer, sizeof kPeer);
  message.close(peer);
  message.close(data);
  message.close(info);
  const int error = message.ask(NETLINK_ROUTE);
  if (error == 0) return {"a pair was made in a namespace of its own", ""};
  return {"", error < 0 ? "no answer within a second" : std::strerror(error)};
}

void probe_veth(const Host& /*host*/, Capability& capability) {
  const Trial trial = try_in_child(make_veth);
  if (trial.error.empty()) return works(capability, trial.found);
  works_not(capability, trial.error, "run brim as root; modprobe veth");
}

Trial make_tap() {
  const Fd device(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  if (!device) return trial_failed("open /dev/net/tun");
  if (::unshare(CLONE_NEWNET) != 0) return {"opened", ""};
  const Fd inside(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));  // belongs to the new namespace
  ifreq request{};
  std::snprintf(request.ifr_name, sizeof request.ifr_name, "brimprobe2");
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (::ioctl(inside.get(), TUNSETIFF, &request) != 0) return trial_failed("TUNSETIFF");
  return {"made", ""};
}

void probe_tap(const Host& /*host*/, Capability& capability) {
  const Trial trial = try_in_child(make_tap);
  if (!trial.error.empty())
    return works_not(capability, trial.error, "run brim as root; modprobe tun");
  if (trial.found == "made")
    return works(capability, "a tap device was made in a namespace of its own");
  works_partly(capability, "/dev/net/tun opens", "no namespace to try a device in", kAskRoot);
}

void probe_vhost_net(const Host& host, Capability& capability) {
  constexpr char kDevice[] = "/dev/vhost-net";
  if (!host.exists(kDevice))
    return works_not(capability, "no /dev/vhost-net: guests' packets go through QEMU",
                     "modprobe vhost_net");
  if (!host.open_file(kDevice, O_RDWR))
    return works_not(capability, "/dev/vhost-net can't be opened", kAskRoot);
  works(capability, "/dev/vhost-net opens");
}

// Where tracefs is mounted, "" if nowhere.
std::string tracefs_mount(const Host& host) {
  auto mounts = host.read_file("/proc/self/mounts");
  if (!mounts) mounts = host.read_file("/proc/mounts");
  if (!mounts) return {};
  for (const std::string_view line : split(*mounts, '\n')) {
    const auto fields = split(line, ' ');
    if (fields.size() > 2 && fields[2] == "tracefs") return unescape_octal(fields[1]);
  }
  return {};
}

// Runs a look at tracefs where it is mounted, or else mounted for a child alone. "" as answer means
// that it could not be looked at; `error` says why.
Trial in_tracefs(const Host& host, const std::function<Trial(const std::string& path)>& look) {
  const std::string mounted = tracefs_mount(host);
  return try_in_child([&]() -> Trial {
    if (!mounted.empty()) return look(mounted);
    if (::unshare(CLONE_NEWNS) != 0) return trial_failed("unshare");
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      return trial_failed("make mounts private");
    if (::mount("nodev", kTracing, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
      return trial_failed("mount tracefs");
    return look(kTracing);
  });
}

// A file or directory of tracefs that must exist and be writable where `writing` says so.
void probe_tracefs_file(const Host& host, Capability& capability, const std::string& file, int mode,
                        const std::string& turn_on) {
  const Trial trial = in_tracefs(host, [&](const std::string& path) -> Trial {
    if (::access(fmt::format("{}/{}", path, file).c_str(), mode) == 0) return {file, ""};
    return trial_failed(file);
  });
  if (!trial.error.empty()) {
    constexpr unsigned kSysAdmin = 21;  // CAP_SYS_ADMIN
    const bool root = has_effective_capability(host, kSysAdmin);
    return works_not(capability, trial.error, root ? turn_on : kAskRoot);
  }
  if (!tracefs_mount(host).empty()) return works(capability, trial.found);
  works_partly(capability, trial.found, "tracefs is not mounted",
               fmt::format("mount -t tracefs nodev {}", kTracing));
}

void probe_tracefs(const Host& host, Capability& capability) {
  const std::string mounted = tracefs_mount(host);
  if (!mounted.empty()) return works(capability, fmt::format("mounted at {}", mounted));
  if (!host.live())
    return works_not(capability, "tracefs is not mounted",
                     fmt::format("mount -t tracefs nodev {}", kTracing));
  probe_tracefs_file(host, capability, "events", R_OK, "boot a kernel with CONFIG_FTRACE=y");
}

void probe_instances(const Host& host, Capability& capability) {
  probe_tracefs_file(host, capability, "instances", W_OK, kAskRoot);
}
void probe_napi_poll(const Host& host, Capability& capability) {
  probe_tracefs_file(host, capability, "events/napi/napi_poll", R_OK,
                     "boot a kernel with CONFIG_FTRACE=y and CONFIG_NET=y");
}
void probe_kprobes(const Host& host, Capability& capability) {
  probe_tracefs_file(host, capability, "kprobe_events", W_OK,
                     "boot a kernel with CONFIG_KPROBE_EVENTS=y");
}

constexpr Probe kNetworkProbes[] = {
    {"user_namespace", "napi", true, "unshare in a child", probe_user_namespace},
    {"network_namespace", "napi", true, "unshare in a child", probe_network_namespace},
    {"mount_namespace", "napi", true, "unshare in a child", probe_mount_namespace},
    {"veth", "napi", true, "make a pair in a child's namespace", probe_veth},
    {"tap", "napi", true, "make a device in a child's namespace", probe_tap},
    {"vhost_net", "napi", true, "open /dev/vhost-net", probe_vhost_net},
    {"netdev_netlink", "napi", true, "ask generic netlink for the family's operations",
     probe_netdev_netlink},
    {"tracefs", "napi", false, "read /proc/mounts", probe_tracefs},
    {"tracefs_instances", "napi", true, "look at tracefs, in a child if need be", probe_instances},
    {"napi_poll_tracepoint", "napi", true, "look at tracefs, in a child if need be",
     probe_napi_poll},
    {"kprobes", "napi", true, "look at tracefs, in a child if need be", probe_kprobes},
};

}  // namespace

std::span<const Probe> network_probes() { return kNetworkProbes; }

}  // namespace brim::host
