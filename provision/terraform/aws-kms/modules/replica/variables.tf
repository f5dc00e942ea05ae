variable "settings" {
  description = "The Region's element of the main module's output replica_settings."
  type = object({
    region               = string
    alias                = string
    primary_key_arn      = string
    description          = string
    policy               = string
    deletion_window_days = number
    tags                 = map(string)
  })
}
