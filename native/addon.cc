// The addon's face: one class, Reactor, documented in README.md. Nothing here is static or shared between threads.
#include <errno.h>
#include <napi.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <memory>
#include <string>
#include <utility>

#include "command_table.h"
#include "reactor.h"
#include "typed_memory.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace ntftp {
namespace {

// Bits of the last argument of `open`.
constexpr uint32_t kFlagCoalesce = 1;
constexpr uint32_t kFlagReportLocal = 2;
constexpr uint32_t kFlagSharePort = 4;
constexpr uint32_t kFlagShareLater = 8;
constexpr uint32_t kFlagHold = 16;
constexpr uint32_t kFlagMayBlock = 32;

// Smallest tables that a batch of any kind fits into.
constexpr size_t kInboxBytesMin = 1 << 20;
constexpr size_t kRecordRowsMin = 1024;

// Asks the kernel once; a device may still refuse later.
bool KernelSegments() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const int bytes = 512;
  const bool knows = setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &bytes, sizeof(bytes)) == 0;
  close(fd);
  return knows;
}

Napi::Error SystemError(Napi::Env env, int error, const char* call) {
  const char* name = uv_err_name(-error);
  Napi::Error thrown = Napi::Error::New(env, std::string(call) + " " + name);
  thrown.Set("code", Napi::String::New(env, name));
  thrown.Set("errno", Napi::Number::New(env, -error));
  thrown.Set("syscall", Napi::String::New(env, call));
  return thrown;
}

bool ReadUint32(const Napi::Value& value, uint32_t* out) {
  if (!value.IsNumber()) return false;
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= 0 && number <= 4294967295.0) || number != static_cast<double>(static_cast<uint32_t>(number))) {
    return false;
  }
  *out = static_cast<uint32_t>(number);
  return true;
}

// What outlives the JavaScript object until the loop has let go of the reactor.
class Core final : public ReactorHandler {
 public:
  Core(Napi::Env env, Napi::Function on_batch, Napi::Uint8Array inbox, Napi::Uint32Array records, SendFeatures features)
      : env_(env),
        on_batch_(Napi::Persistent(on_batch)),
        inbox_(Napi::Persistent(inbox.As<Napi::Object>())),
        records_(Napi::Persistent(records.As<Napi::Object>())),
        inbox_memory_(MemoryOf(env, inbox)),
        records_memory_(MemoryOf(env, records)),
        context_(env, "ntftp:batch") {
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env, &loop);
    BatchReceiver receiver(static_cast<uint8_t*>(inbox_memory_.bytes), inbox_memory_.length,
                           static_cast<uint32_t*>(records_memory_.bytes), records_memory_.length);
    reactor_ = std::make_unique<Reactor>(loop, this, features, std::move(receiver));
  }

  // 0, or an errno; then the core is to be deleted.
  int Start() {
    const int error = reactor_->Start();
    if (error == 0) napi_add_async_cleanup_hook(env_, OnCleanup, this, &hook_);
    return error;
  }

  // Closes everything and deletes the core when the loop has let go. Called by the finalizer of the JavaScript object
  // or by the end of the thread, whichever is first.
  void Stop() {
    if (stopping_) return;
    stopping_ = true;
    reactor_->Detach();
    reactor_->Stop(
        [](void* data) {
          auto* self = static_cast<Core*>(data);
          if (self->owner_ != nullptr) *self->owner_ = nullptr;
          // Lets a thread that waits for us end.
          napi_remove_async_cleanup_hook(self->hook_);
          delete self;
        },
        this);
  }

  // Where the JavaScript object keeps its pointer to the core.
  void SetOwner(Core** owner) { owner_ = owner; }

  Reactor& reactor() { return *reactor_; }
  bool stopping() const { return stopping_; }

  bool HasTables() override {
    Napi::HandleScope scope(env_);
    const bool stayed = IsThere(inbox_, inbox_memory_) && IsThere(records_, records_memory_);
    if (!stayed) Stop();
    return stayed;
  }

  void OnBatch(uint32_t count) override {
    Napi::HandleScope scope(env_);
    const napi_value arguments[] = {Napi::Number::New(env_, count), Napi::Boolean::New(env_, reactor_->HasErrors())};
    napi_value result;
    const napi_status status = napi_make_callback(env_, context_, env_.Global(), on_batch_.Value(), 2, arguments, &result);
    if (status != napi_pending_exception) return;
    // What an application's listener throws belongs to `uncaughtException`, as it does with node:dgram.
    napi_value exception;
    if (napi_get_and_clear_last_exception(env_, &exception) == napi_ok) napi_fatal_exception(env_, exception);
  }

 private:
  static void OnCleanup(napi_async_cleanup_hook_handle, void* data) { static_cast<Core*>(data)->Stop(); }

  bool IsThere(const Napi::ObjectReference& array, const TypedMemory& expected) const {
    const TypedMemory memory = MemoryOf(env_, array.Value());
    return memory.bytes == expected.bytes && memory.length >= expected.length;
  }

  Napi::Env env_;
  Napi::FunctionReference on_batch_;
  // The memory that native code writes to.
  Napi::ObjectReference inbox_;
  Napi::ObjectReference records_;
  TypedMemory inbox_memory_;
  TypedMemory records_memory_;
  Napi::AsyncContext context_;
  std::unique_ptr<Reactor> reactor_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  Core** owner_ = nullptr;
  bool stopping_ = false;
};

class ReactorObject final : public Napi::ObjectWrap<ReactorObject> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Reactor",
                       {InstanceMethod<&ReactorObject::Open>("open"), InstanceMethod<&ReactorObject::Adopt>("adopt"),
                        InstanceMethod<&ReactorObject::Descriptor>("descriptor"),
                        InstanceMethod<&ReactorObject::LocalPort>("localPort"),
                        InstanceMethod<&ReactorObject::AddPeer>("addPeer"), InstanceMethod<&ReactorObject::SendTo>("sendTo"),
                        InstanceMethod<&ReactorObject::Flush>("flush"),
                        InstanceMethod<&ReactorObject::TakeErrors>("takeErrors"),
                        InstanceMethod<&ReactorObject::SetReferenced>("setReferenced"),
                        InstanceMethod<&ReactorObject::Features>("features"), InstanceMethod<&ReactorObject::Stop>("stop")});
  }

  explicit ReactorObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ReactorObject>(info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 6 || !IsBytes(info[0]) || !IsWords(info[1]) || !IsWords(info[2]) || !IsBytes(info[3]) ||
        !info[4].IsFunction() || !info[5].IsObject() || IsShared(info[0]) || IsShared(info[1]) || IsShared(info[2]) ||
        IsShared(info[3])) {
      Napi::TypeError::New(env, "Reactor takes (inbox, records, commands, outbox, onBatch, features)")
          .ThrowAsJavaScriptException();
      return;
    }
    SendFeatures features;
    // These may be getters: arrays are looked at behind them.
    if (!ReadFlag(info[5], "segmentation", &features.segmentation)) return;
    if (!ReadFlag(info[5], "batches", &features.batches)) return;
    features.segmentation = features.segmentation && KernelSegments();
    const auto inbox = info[0].As<Napi::Uint8Array>();
    const auto records = info[1].As<Napi::Uint32Array>();
    if (inbox.ByteLength() < kInboxBytesMin || records.ElementLength() < kRecordRowsMin * kRecordWords) {
      Napi::RangeError::New(env, "inbox or records are too small").ThrowAsJavaScriptException();
      return;
    }
    auto core = std::make_unique<Core>(env, info[4].As<Napi::Function>(), inbox, records, features);
    const int error = core->Start();
    if (error != 0) {
      SystemError(env, error, "epoll_create1").ThrowAsJavaScriptException();
      return;
    }
    commands_ = CommandTable(info[2].As<Napi::Uint32Array>(), info[3].As<Napi::Uint8Array>());
    core_ = core.release();
    core_->SetOwner(&core_);
  }

  ~ReactorObject() override {
    if (core_ == nullptr) return;
    core_->SetOwner(nullptr);
    core_->Stop();
  }

 private:
  static bool IsBytes(const Napi::Value& value) {
    return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
  }
  static bool IsWords(const Napi::Value& value) {
    return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint32_array;
  }
  // Rows are checked, then used: no other thread may write to them meanwhile.
  static bool IsShared(const Napi::Value& value) {
    napi_value buffer;
    bool is_own = false;
    napi_get_typedarray_info(value.Env(), value, nullptr, nullptr, nullptr, &buffer, nullptr);
    napi_is_arraybuffer(value.Env(), buffer, &is_own);
    return !is_own;
  }
  // False, with an exception, when the property could not be read.
  static bool ReadFlag(const Napi::Value& object, const char* name, bool* out) {
    napi_value value;
    if (napi_get_named_property(object.Env(), object, name, &value) != napi_ok) return false;
    return napi_coerce_to_bool(object.Env(), value, &value) == napi_ok &&
           napi_get_value_bool(object.Env(), value, out) == napi_ok;
  }

  // The running reactor; nullptr, with an exception, when it was stopped.
  Reactor* Running(Napi::Env env) {
    if (core_ != nullptr && !core_->stopping()) return &core_->reactor();
    Napi::Error::New(env, "The reactor was stopped").ThrowAsJavaScriptException();
    return nullptr;
  }

  Napi::Value Open(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    Reactor* reactor = Running(env);
    if (reactor == nullptr) return env.Undefined();
    OpenOptions options;
    uint32_t flags = 0;
    const bool valid = info[0].IsString() && Address::Parse(info[0].As<Napi::String>().Utf8Value(), &options.address) &&
                       ReadUint32(info[1], &options.first_port) && ReadUint32(info[2], &options.port_count) &&
                       ReadUint32(info[3], &options.port_start) && ReadUint32(info[4], &options.receive_buffer_bytes) &&
                       ReadUint32(info[5], &options.datagram_bytes) && ReadUint32(info[6], &flags);
    if (!valid || options.port_count < 1 || options.first_port > 0xffff || options.port_count > 0x10000 ||
        options.first_port + options.port_count > 0x10000 || options.datagram_bytes > 0xffff ||
        options.receive_buffer_bytes > 0x3fffffff) {
      return Refuse<Napi::TypeError>(
          env, "open takes (address, firstPort, portCount, portStart, receiveBufferBytes, datagramBytes, flags)");
    }
    options.coalesce = (flags & kFlagCoalesce) != 0;
    options.report_local = (flags & kFlagReportLocal) != 0;
    options.share_port = (flags & kFlagSharePort) != 0;
    options.share_later = (flags & kFlagShareLater) != 0;
    options.hold = (flags & kFlagHold) != 0;
    options.may_block = (flags & kFlagMayBlock) != 0;
    uint32_t handle = 0;
    const char* failed_call = "";
    const int error = reactor->Open(options, &handle, &failed_call);
    if (error != 0) {
      SystemError(env, error, failed_call).ThrowAsJavaScriptException();
      return env.Undefined();
    }
    return Napi::Number::New(env, handle);
  }

  Napi::Value Adopt(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    Reactor* reactor = Running(env);
    if (reactor == nullptr) return env.Undefined();
    uint32_t fd = 0;
    uint32_t datagram_bytes = 0;
    uint32_t flags = 0;
    if (!ReadUint32(info[0], &fd) || !ReadUint32(info[1], &datagram_bytes) || !ReadUint32(info[2], &flags) ||
        fd > 0x7fffffff || datagram_bytes > 0xffff) {
      return Refuse<Napi::TypeError>(env, "adopt takes (descriptor, datagramBytes, flags)");
    }
    uint32_t handle = 0;
    const char* failed_call = "";
    const bool coalesce = (flags & kFlagCoalesce) != 0;
    const int error = reactor->Adopt(static_cast<int>(fd), datagram_bytes, coalesce, &handle, &failed_call);
    if (error != 0) {
      SystemError(env, error, failed_call).ThrowAsJavaScriptException();
      return env.Undefined();
    }
    return Napi::Number::New(env, handle);
  }

  Napi::Value Descriptor(const Napi::CallbackInfo& info) {
    UdpSocket* socket = SocketOf(info);
    return Napi::Number::New(info.Env(), socket == nullptr ? -1 : socket->fd);
  }

  Napi::Value LocalPort(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    UdpSocket* socket = SocketOf(info);
    return Napi::Number::New(env, socket == nullptr ? 0 : socket->local.port());
  }

  Napi::Value AddPeer(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    Address address;
    if (!ReadEndpoint(info, 1, &address)) return Refuse<Napi::TypeError>(env, "addPeer takes (handle, address, port)");
    UdpSocket* socket = SocketOf(info);
    return Napi::Number::New(env, socket == nullptr ? 0 : socket->peers.Add(address));
  }

  Napi::Value SendTo(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    Address to;
    Address from;
    const bool has_source = info[4].IsString();
    if (!ReadEndpoint(info, 1, &to) || !IsBytes(info[3]) ||
        (has_source && !Address::Parse(info[4].As<Napi::String>().Utf8Value(), &from))) {
      return Refuse<Napi::TypeError>(env, "sendTo takes (handle, address, port, bytes[, localAddress])");
    }
    UdpSocket* socket = SocketOf(info);
    if (socket == nullptr) return Napi::Number::New(env, 0);
    const auto bytes = info[3].As<Napi::Uint8Array>();
    const bool usable_source = has_source && from.family() == to.family();
    int error = socket->SendNow(bytes.Data(), bytes.ByteLength(), to, usable_source ? &from : nullptr);
    // The error of an earlier datagram (ICMP) is told by the next call, which does nothing else.
    if (error != 0 && error != EAGAIN) error = socket->SendNow(bytes.Data(), bytes.ByteLength(), to, usable_source ? &from : nullptr);
    return Napi::Number::New(env, error);
  }

  Napi::Value Flush(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    Reactor* reactor = Running(env);
    if (reactor == nullptr) return env.Undefined();
    uint32_t count = 0;
    if (!ReadUint32(info[0], &count) || !info[1].IsArray()) {
      return Refuse<Napi::TypeError>(env, "flush takes (count, memories)");
    }
    const char* fault = commands_.Run(*reactor, count, info[1].As<Napi::Array>());
    if (fault != nullptr) return Refuse<Napi::RangeError>(env, fault);
    return Napi::Boolean::New(env, reactor->HasErrors());
  }

  // Flat triples: handle, peer, errno.
  Napi::Value TakeErrors(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    Reactor* reactor = Running(env);
    if (reactor == nullptr) return env.Undefined();
    const auto errors = reactor->TakeErrors();
    auto flat = Napi::Array::New(env, errors.size() * 3);
    uint32_t at = 0;
    for (const SocketError& error : errors) {
      flat.Set(at++, Napi::Number::New(env, error.handle));
      flat.Set(at++, Napi::Number::New(env, error.peer));
      flat.Set(at++, Napi::Number::New(env, error.error));
    }
    return flat;
  }

  Napi::Value SetReferenced(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    Reactor* reactor = Running(env);
    if (reactor != nullptr) reactor->SetReferenced(info[0].ToBoolean());
    return env.Undefined();
  }

  Napi::Value Features(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    Reactor* reactor = Running(env);
    if (reactor == nullptr) return env.Undefined();
    auto features = Napi::Object::New(env);
    features.Set("segmentation", Napi::Boolean::New(env, reactor->sender().features().segmentation));
    features.Set("batches", Napi::Boolean::New(env, reactor->sender().features().batches));
    return features;
  }

  Napi::Value Stop(const Napi::CallbackInfo& info) {
    if (core_ != nullptr) core_->Stop();
    return info.Env().Undefined();
  }

  // The first argument; nullptr for a socket that is closed, or no handle at all.
  UdpSocket* SocketOf(const Napi::CallbackInfo& info) {
    uint32_t handle = 0;
    if (core_ == nullptr || core_->stopping() || !ReadUint32(info[0], &handle)) return nullptr;
    UdpSocket* socket = core_->reactor().Find(handle);
    return socket == nullptr || socket->closing ? nullptr : socket;
  }

  static bool ReadEndpoint(const Napi::CallbackInfo& info, size_t at, Address* out) {
    uint32_t port = 0;
    if (!info[at].IsString() || !Address::Parse(info[at].As<Napi::String>().Utf8Value(), out)) return false;
    if (!ReadUint32(info[at + 1], &port) || port > 0xffff) return false;
    out->set_port(static_cast<uint16_t>(port));
    return true;
  }

  template <typename Thrown>
  static Napi::Value Refuse(Napi::Env env, const char* text) {
    // What a getter has thrown stands.
    if (!env.IsExceptionPending()) Thrown::New(env, text).ThrowAsJavaScriptException();
    return env.Undefined();
  }

  Core* core_ = nullptr;
  CommandTable commands_;
};

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("Reactor", ReactorObject::Define(env));
  exports.Set("recordWords", Napi::Number::New(env, kRecordWords));
  exports.Set("commandWords", Napi::Number::New(env, kCommandWords));
  return exports;
}

NODE_API_MODULE(NODE_GYP_MODULE_NAME, Init)

}  // namespace
}  // namespace ntftp
