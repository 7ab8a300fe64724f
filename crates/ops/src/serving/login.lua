-- Dovecot asks Transhume's service about logins that the directory alone cannot answer. Written by “transhume config dovecot”.
--
-- Users whom the directory knows do not come here with their right password, but for those whose mail is still on the old
-- server. Where the service does not answer, the login fails for now, and nobody is told that the password is wrong.

local URL = '{url}'
local SECRET = '{secret}'

local client

local function encoded(text)
  return (tostring(text or ''):gsub('[^A-Za-z0-9_.~-]', function(octet)
    return string.format('%%%02X', string.byte(octet))
  end))
end

local function decoded(text)
  return (text:gsub('%%(%x%x)', function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

function script_init()
  -- Postfix waits for ten seconds; the service itself answers within six.
  -- 2.4 calls these settings otherwise, and takes no name that it does not know; 2.3 passes over such names.
  local made, old = pcall(dovecot.http.client, {
    connect_timeout_msecs = 1000,
    request_timeout_msecs = 7000,
    request_absolute_timeout_msecs = 7500,
    max_attempts = 1,
    max_connect_attempts = 1,
    no_auto_redirect = true,
    no_auto_retry = true,
  })
  client = made and old or dovecot.http.client{
    connect_timeout = '1s',
    request_timeout = '7s',
    request_absolute_timeout = '7500ms',
    request_max_attempts = '1',
    max_connect_attempts = '1',
    auto_redirect = 'no',
    auto_retry = 'no',
  }
  return 0
end

function auth_password_verify(request, password)
  local question = client:request{ url = URL, method = 'POST' }
  question:add_header('Content-Type', 'application/x-www-form-urlencoded')
  if SECRET ~= '' then
    question:add_header('Authorization', 'Bearer ' .. SECRET)
  end
  question:set_payload('user=' .. encoded(request.user)
    .. '&password=' .. encoded(password)
    .. '&service=' .. encoded(request.service)
    .. '&ip=' .. encoded(request.remote_ip))
  local answer = question:submit()
  local status = answer:status()
  if status == 200 then
    local fields = {}
    for line in answer:payload():gmatch('[^\n]+') do
      local name, value = line:match('^([%w_]+)=(.*)$')
      if name then
        fields[name] = decoded(value)
      end
    end
    return dovecot.auth.PASSDB_RESULT_OK, fields
  elseif status == 403 then
    return dovecot.auth.PASSDB_RESULT_PASSWORD_MISMATCH, 'the service says: wrong password'
  elseif status == 404 then
    return dovecot.auth.PASSDB_RESULT_USER_UNKNOWN, 'the service says: unknown'
  elseif status == 423 then
    return dovecot.auth.PASSDB_RESULT_USER_DISABLED, 'the service says: disabled'
  end
  return dovecot.auth.PASSDB_RESULT_INTERNAL_FAILURE, 'the service gives no answer now (' .. tostring(status) .. ')'
end

-- Whoever asks without a password has no use for the service: deliveries, doveadm.
function auth_passdb_lookup(request)
  return dovecot.auth.PASSDB_RESULT_USER_UNKNOWN, 'the service is asked with a password only'
end

-- What the service says is another thing for each protocol, and from one moment to the next: it is remembered for one session
-- only (2.4 asks for this; 2.3 is told in its settings).
function auth_passdb_get_cache_key()
  return '%{user}/%{protocol}/%{session}'
end
